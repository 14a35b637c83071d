"""The worker: `celery --app=worker.main worker --pool=solo`. One process a GPU: CUDA survives no fork."""

from app.queue import broker
from app.settings import Settings
from worker.tasks import Process

settings = Settings()
app = broker(settings.redis_url)
process = Process(app, settings)
