"""/console: the API for people who would rather look than read.

It is files, which ask the API like any other caller, with the key of who looks; nothing is rendered here.
"""

from http import HTTPStatus
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

router = APIRouter(prefix="/console", include_in_schema=False)

# Texts become no markup: the browser itself refuses it to scripts, which never ask for it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# A browser asks for them at each visit: scripts of two versions of the service would not fit each other.
_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_PAGE = "index.html"
_FILES = {file.name: file for file in (files("app") / "console").iterdir()}


@router.get("")
def page() -> FileResponse:
    """The page. Its addresses are relative, so it works behind a proxy that puts the service below a path."""
    return _sent(_PAGE)


@router.get("/{name}")
def file(name: str) -> FileResponse:
    """What the page is made of."""
    if name not in _FILES or name == _PAGE:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return _sent(name)


def _sent(name: str) -> FileResponse:
    return FileResponse(str(_FILES[name]), headers=_HEADERS, media_type=_KINDS[name.rpartition(".")[2]])
