"""Put memory layers into a Hugging Face causal language model, in place of feed-forward blocks or beside them."""

from torch import Tensor, nn
from transformers import PreTrainedModel

from model.config import MemoryConfig
from model.memory import Beside, MemoryContext, MemoryLayer
from model.words import Texts


def decoder_layers(model: PreTrainedModel) -> nn.ModuleList:
    """The model's decoder layers, bottom up; raises ValueError when it has none with a feed-forward `mlp`."""
    layers = getattr(model.get_decoder(), "layers", None)
    if not isinstance(layers, nn.ModuleList) or not all(hasattr(layer, "mlp") for layer in layers):
        raise ValueError(f"{type(model).__name__} has no decoder layers with an `mlp` block")
    return layers


def retrofit(model: PreTrainedModel, config: MemoryConfig, context: MemoryContext) -> None:
    """Give `model` the memory layers of `config`, all reading through `context`.

    Where words are the query, the model must be called with `input_ids`, by name.
    Raises ValueError when the model lacks a layer that `config.layers` names.
    """
    layers = decoder_layers(model)
    if config.layers[-1] >= len(layers):
        raise ValueError(f"MemoryConfig.layers names layer {config.layers[-1]}; the model has {len(layers)}")
    for index in config.layers:
        block = layers[index].get_submodule("mlp")
        example = next(block.parameters())
        vocabulary = model.get_input_embeddings().num_embeddings
        memory = MemoryLayer(config, index, model.config.hidden_size, context, vocabulary)
        memory.to(device=example.device, dtype=example.dtype)
        layers[index].mlp = memory if config.placement == "replace" else Beside(block, memory)
    if config.query == "words":

        def note_texts(_: nn.Module, args: tuple[object, ...], kwargs: dict[str, Tensor]) -> None:
            context.texts = context.continued or Texts.whole(kwargs["input_ids"])

        model.get_decoder().register_forward_pre_hook(note_texts, with_kwargs=True)


def memory_layers(model: PreTrainedModel) -> list[MemoryLayer]:
    """The memory layers of a retrofitted model, bottom up."""
    return [module for module in model.modules() if isinstance(module, MemoryLayer)]
