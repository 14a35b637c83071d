"""/docs: the OpenAPI document to read and to try, by Swagger UI, all of whose files come from this service.

FastAPI's own page loads them from elsewhere and runs a script that stands in it, so a policy would have to allow both.
"""

from http import HTTPStatus
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)
_FILES = files("fastapi_offline") / "static"  # the package is used for these alone

# Swagger UI sets styles on its elements, and its icons stand in its style sheet; scripts are files of this service.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slotwise: every call</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null})\n'
_KINDS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "start.js": "text/javascript"}


@router.get("/docs")
async def page() -> HTMLResponse:
    """The page. Its addresses are relative, so it works behind a proxy that puts the service below a path."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/{name}")
def file(name: str) -> Response:
    """What the page is made of; a browser asks for it again after an hour, as the package may be another one then."""
    if name not in _KINDS:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    kept = {"Cache-Control": "max-age=3600"}
    if name == "start.js":
        return Response(_START, HTTPStatus.OK, kept, _KINDS[name])
    return FileResponse(str(_FILES / name), headers=kept, media_type=_KINDS[name])
