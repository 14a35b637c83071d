"""The service, with a model that can be broken: `uvicorn tests.api.dying_service:create --factory`."""

from fastapi import FastAPI, Request

from app.main import create_app


def create() -> FastAPI:
    app = create_app()

    @app.post("/break")
    def break_the_model(request: Request) -> None:
        def broken(*_: object, **__: object) -> None:
            raise MemoryError("the weights are gone")

        request.state.serving.engine.checkpoint.model.get_decoder().register_forward_pre_hook(broken)

    return app
