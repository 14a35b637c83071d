"""What is compared: our engine, transformers' generate on static batches, its continuous batching, and the service.

All serve the same weights to `benchmarks.load`; an answer has as many tokens as its request asks for.
"""

import asyncio
import copy
import json
import threading
from collections.abc import Callable
from queue import SimpleQueue

import httpx
import torch
from torch import Tensor
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from benchmarks.load import Request
from model.checkpoint import Checkpoint
from model.config import MemoryConfig
from model.engine import Engine, Generation, Sampling
from model.retrofit import decoder_layers

Arrive = Callable[[], None]
Done = Callable[[BaseException | None], None]

STATIC_BATCH = 32


class Ours:
    """An engine in this process; requests are bound to the versions that they name."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def submit(self, request: Request, arrive: Arrive, done: Done) -> None:
        """Begin to answer."""
        sampling = Sampling(max_tokens=request.tokens)
        generation = self.engine.submit(
            request.text, sampling, version=request.version, on_piece=lambda piece: arrive()
        )
        generation.add_done_callback(lambda ended: done(_fault(ended, request)))


class StaticBatches:
    """`generate` on the oldest requests that wait, at most STATIC_BATCH; the next batch begins when all have ended."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._waiting: SimpleQueue[tuple[Request, Arrive, Done] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="static batches", daemon=True)
        self._thread.start()

    def submit(self, request: Request, arrive: Arrive, done: Done) -> None:
        """Begin to answer."""
        self._waiting.put((request, arrive, done))

    def stop(self) -> None:
        """End after the batch in hand."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [first]
            while len(batch) < STATIC_BATCH and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    return
                batch.append(following)
            try:
                self._generate(batch)
            except Exception as error:
                for _, _, done in batch:
                    done(error)

    @torch.inference_mode()
    def _generate(self, batch: list[tuple[Request, Arrive, Done]]) -> None:
        longest = max(len(request.ids) for request, _, _ in batch)
        pad = self._checkpoint.tokenizer.pad_token_id
        padded = [[pad] * (longest - len(request.ids)) + request.ids for request, _, _ in batch]
        real = [[0] * (longest - len(request.ids)) + [1] * len(request.ids) for request, _, _ in batch]
        most = max(request.tokens for request, _, _ in batch)
        self._checkpoint.context.use(self._checkpoint.table.base)
        self._checkpoint.model.generate(
            torch.tensor(padded),
            attention_mask=torch.tensor(real),
            generation_config=GenerationConfig(do_sample=False, max_new_tokens=most, pad_token_id=pad),
            stopping_criteria=StoppingCriteriaList([_Ends(batch)]),
        )


class _Ends(StoppingCriteria):  # type: ignore[misc]  # transformers is untyped here
    """Tells a batch's clients of their tokens; a row ends when its answer is as long as it was asked for."""

    def __init__(self, batch: list[tuple[Request, Arrive, Done]]) -> None:
        self._batch = batch
        self._step = 0

    def __call__(self, input_ids: Tensor, scores: object, **kwargs: object) -> Tensor:
        """Which rows have ended, (B,) bool."""
        self._step += 1
        for request, arrive, done in self._batch:
            if self._step <= request.tokens:
                arrive()
            if self._step == request.tokens:
                done(None)
        return torch.tensor([self._step >= request.tokens for request, _, _ in self._batch])


class ContinuousBatching:
    """Transformers' own continuous batching; it changes the attention of the model that it gets."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        config = ContinuousBatchingConfig(num_blocks=64, max_batch_tokens=512, allow_block_sharing=False)
        checkpoint.context.use(checkpoint.table.base)
        self._manager = checkpoint.model.init_continuous_batching(
            generation_config=GenerationConfig(do_sample=False, eos_token_id=-1), continuous_batching_config=config
        )
        self._clients: dict[str, tuple[Request, Arrive, Done]] = {}
        self._count = 0
        self._manager.start()
        self._thread = threading.Thread(target=self._listen, name="continuous batching", daemon=True)
        self._thread.start()

    def submit(self, request: Request, arrive: Arrive, done: Done) -> None:
        """Begin to answer."""
        self._count += 1
        name = str(self._count)
        self._clients[name] = request, arrive, done
        self._manager.add_request(request.ids, name, request.tokens, streaming=True)

    def stop(self) -> None:
        """End what listens, then the manager."""
        self._manager.stop(block=True)
        self._thread.join()

    def _listen(self) -> None:
        for output in self._manager:
            request, arrive, done = self._clients[output.request_id]
            if output.error is not None:
                done(RuntimeError(output.error))
                continue
            arrive()
            if output.is_finished():
                wrong = len(output.generated_tokens) != request.tokens
                done(_wrong_length(request, len(output.generated_tokens)) if wrong else None)


class Http:
    """A running service, asked over HTTP with streaming; requests go out from an event loop on a thread."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {key}"}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="http clients", daemon=True)
        self._thread.start()
        limits = httpx.Limits(max_connections=256)
        self._client = httpx.AsyncClient(base_url=url, headers=self._headers, timeout=120, limits=limits)

    def submit(self, request: Request, arrive: Arrive, done: Done) -> None:
        """Begin to answer."""
        asking = asyncio.run_coroutine_threadsafe(self._ask(request, arrive), self._loop)
        asking.add_done_callback(lambda asked: done(asked.exception()))

    def stop(self) -> None:
        """Close the connections."""
        asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _ask(self, request: Request, arrive: Arrive) -> None:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        body = {"model": "slotwise", "prompt": request.text, "max_tokens": request.tokens, **options}
        tokens = 0
        async with self._client.stream("POST", "/v1/completions", json=body) as response:
            if response.status_code != httpx.codes.OK:
                raise RuntimeError(f"{response.status_code}: {(await response.aread()).decode()}")
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                event = json.loads(line.removeprefix("data: "))
                if any(choice.get("text") for choice in event["choices"]):
                    arrive()
                tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
        if tokens != request.tokens:
            raise _wrong_length(request, tokens)


def make_dense(checkpoint: Checkpoint) -> None:
    """Put a random feed-forward block of equal compute in the place of each memory layer."""
    model = checkpoint.model
    layers = decoder_layers(model)
    block = next(type(layer.mlp) for index, layer in enumerate(layers) if index not in checkpoint.config.layers)
    config = copy.deepcopy(model.config)
    config.intermediate_size = equal_width(checkpoint.config, config.hidden_size)
    torch.manual_seed(0)
    for index in checkpoint.config.layers:
        layers[index].mlp = block(config).to(model.dtype)
    model.eval().requires_grad_(False)


def equal_width(memory: MemoryConfig, width: int) -> int:
    """Intermediate width of a gated feed-forward block with as many products as a memory layer, in steps of 16.

    A block of D × I takes 3·D·I products a token; a memory layer D·H·2d for queries, 2·H·n·d for half-keys, H·K·V for
    its bag, and 2·D·V where its readout is gated.
    """
    H, d, V = memory.heads, memory.key_width, memory.value_width
    products = H * memory.top_k * V + (2 * H * d * (width + memory.sub_keys) if memory.query == "hidden" else 0)
    products += 2 * width * V if memory.readout == "gated" else 0
    return -(-products // (3 * width * 16)) * 16


def never_end(checkpoint: Checkpoint) -> None:
    """Give the checkpoint an end token that it never chooses, so that answers are as long as they are asked for.

    It is the token that is least probable at best, and its logit becomes 0, which is below the largest of many.
    """
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    checkpoint.context.use(checkpoint.table.base)
    with torch.inference_mode():
        highest = model(input_ids=torch.arange(min(model.config.vocab_size, 4_096))[:, None]).logits.amax(dim=(0, 1))
    token = int(highest.argmin())
    model.get_output_embeddings().weight.data[token] = 0
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(token)
    model.config.eos_token_id = model.generation_config.eos_token_id = token


def _fault(ended: Generation, request: Request) -> BaseException | None:
    try:
        answer = ended.result(0)
    except Exception as error:
        return error
    return None if answer.tokens == request.tokens else _wrong_length(request, answer.tokens)


def _wrong_length(request: Request, tokens: int) -> RuntimeError:
    return RuntimeError(f"an answer has {tokens} tokens; {request.tokens} were asked for")
