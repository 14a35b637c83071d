"""The settings of every process, read from `SLOTWISE_*` variables. Nothing here opens or connects."""

from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_PACKAGED_MEMORY = Path(__file__).resolve().parents[1] / "model" / "smollm2"


class Settings(BaseSettings):
    """One value a line, with its default; `SLOTWISE_PORT=8123` sets `port`."""

    model_config = SettingsConfigDict(env_prefix="SLOTWISE_", frozen=True)

    # Where things are. Empty URLs mean that the embedded stack starts servers of its own in the data folder.
    data_dir: Path = Path(".slotwise")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65_535)
    admin_host: str = ""  # empty: as host
    admin_port: int = Field(0, ge=0, le=65_535)  # where alone /v1/admin is served; 0: at port, as all other calls
    database_url: str = ""
    redis_url: str = ""
    base: str = ""  # folder, GGUF file, or name on the hub with «@revision»; empty: the wheel that `make` installs
    memory: Path = _PACKAGED_MEMORY  # the memory folder that `slotwise attach` made for this base
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d+)?)$")  # where API and worker compute

    # Learning: a lease is renewed three times in its life, so one late heartbeat does not lose it.
    lease_seconds: float = Field(30.0, gt=0)
    sweep_seconds: float = Field(5.0, gt=0)
    max_attempts: int = Field(3, ge=1)
    drift_opened_share: float = Field(
        0.01, ge=0, le=1
    )  # of never-taught questions that a version may answer from memory
    verify_hour: int = Field(3, ge=-1, le=23)  # of UTC, at which live facts are asked again each day; -1: never
    forgotten_text_days: float | None = Field(None, ge=0)  # then the text of a forgotten fact is erased; none: kept
    worker_threads: int = Field(0, ge=0)  # torch threads of the worker; 0: half of the processors
    worker_nice: int = Field(10, ge=0, le=19)  # how far the worker lets others go first, who answer meanwhile

    # A language model that writes more wordings, behind an OpenAI-compatible endpoint; empty: the posted words alone.
    phrasing_url: str = ""  # such as https://api.example.com/v1
    phrasing_key: str = Field("", repr=False)
    phrasing_model: str = ""
    phrasing_timeout_seconds: float = Field(20.0, gt=0)  # for one fact

    # Serving
    poll_seconds: float = Field(0.5, gt=0)
    engine_fresh_seconds: float = Field(10.0, gt=0)
    max_stale_seconds: float = Field(60.0, gt=0)
    rebuild_wait_seconds: float = Field(5.0, gt=0)
    resident_views: int = Field(32, ge=3)  # versions in memory at once: the base, the live one, the next, and others
    spare_rows: int = Field(0, ge=0)  # rows for versions; 0: 1,048,576
    engine_threads: int = Field(0, ge=0)  # torch threads; 0: all processors but one, which talks to callers
    max_batch: int = Field(32, ge=1)
    max_queue: int = Field(256, ge=1)
    cache_tokens: int = Field(0, ge=0)  # positions whose keys and values are held at once; 0: the engine's own default
    max_tokens: int = Field(256, ge=1)  # the most that one query may ask for
    query_seconds: float = Field(60.0, gt=0)  # in which a query must be answered, and the most that it may ask for
    max_prompts: int = Field(32, ge=1)  # in one call of /v1/completions

    # Webhooks: what is sent is tried again after pauses that grow fourfold, up to 6 hours.
    webhook_private_addresses: bool = False  # whether addresses beside the service may be called, such as 127.0.0.1
    webhook_timeout_seconds: float = Field(10.0, gt=0)  # in which a message must be answered
    webhook_retry_seconds: float = Field(5.0, gt=0)  # the first pause
    webhook_max_tries: int = Field(10, ge=1)  # over 20 hours

    metrics_open: bool = False  # whether /metrics is shown without a key

    # What a caller may send
    max_body_bytes: int = Field(1_048_576, ge=1)  # also of a record of a file that is imported
    max_import_bytes: int = Field(268_435_456, ge=1)  # of such a file
    max_imports: int = Field(2, ge=1)  # files that a process reads at once; each holds a connection to the database
    max_facts: int = Field(1_000, ge=1)
    max_statement_characters: int = Field(2_000, ge=1)  # statements, questions and each phrasing
    max_answer_characters: int = Field(200, ge=1)
    max_source_characters: int = Field(500, ge=1)
    max_phrasings: int = Field(100, ge=0)
    requests_per_minute: int = Field(6_000, ge=1)  # of a key, unless it has a limit of its own
    facts_per_day: int = Field(200_000, ge=1)  # the same

    @model_validator(mode="after")
    def _phrasing_names_a_model(self) -> "Settings":
        if self.phrasing_url and not self.phrasing_model:
            raise ValueError("SLOTWISE_PHRASING_URL is set; SLOTWISE_PHRASING_MODEL must say which model to ask")
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> "Settings":
        if self.admin_port == self.port:
            raise ValueError(f"SLOTWISE_ADMIN_PORT is {self.admin_port}, as SLOTWISE_PORT is; it must be another one")
        return self
