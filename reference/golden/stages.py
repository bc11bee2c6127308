"""Runs a model and keeps what every stage said: once in float64, text by text; once as the float32 library does by itself."""

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

torch.set_num_threads(1)  # the float32 library sums in another order with more threads


def load(folder, double=False):
    """The library's own loading; float16 and bfloat16 weights are widened, because the engine computes in float32."""
    kwargs = {"dtype": torch.float32}
    if double:
        kwargs["attn_implementation"] = "eager"  # plain matmul, softmax, matmul
    model = SentenceTransformer(str(folder), model_kwargs=kwargs, local_files_only=True, device="cpu").eval()
    return model.double() if double else model


def run(model, texts, **prompt):
    """Every stage of `texts` in one batch, as model.encode(texts, **prompt) runs it.

    For each text: ids [T]; hidden [layers + 1, T, H], the first row being the embeddings; modules, a list of (index, what, array)
    for the modules after the encoder, where what is "tokens" [T, D] or "sentence" [D].
    """
    seen = []

    def keep(index):
        def hook(_module, _inputs, features):
            seen.append((index, {k: v.clone() for k, v in features.items() if isinstance(v, torch.Tensor)}, features.get("all_layer_embeddings")))

        return hook

    model[0].model.config.output_hidden_states = True
    hooks = [module.register_forward_hook(keep(i)) for i, module in enumerate(model)]
    rows = model.encode(texts, batch_size=len(texts), convert_to_tensor=True, **prompt)
    for hook in hooks:
        hook.remove()
    model[0].model.config.output_hidden_states = False

    order = np.argsort([-len(text) for text in texts])  # the library sorts by length before batching, with this call
    out = [None] * len(texts)
    _, first, layers = seen[0]
    for place, index in enumerate(order):
        length = int(first["attention_mask"][place].sum())
        hidden = torch.stack([layer[place, :length] for layer in layers]).numpy()
        modules, tokens = [], first["token_embeddings"]
        assert torch.equal(tokens[place, :length], layers[-1][place, :length])
        sentence = None
        for i, features, _ in seen[1:]:
            if not torch.equal(features["token_embeddings"], tokens) or features["token_embeddings"].shape != tokens.shape:
                tokens = features["token_embeddings"]
                modules.append((i, "tokens", tokens[place, :length].numpy()))
            else:
                sentence = features["sentence_embedding"][place]
                modules.append((i, "sentence", sentence.numpy()))
        if model.truncate_dim is not None:
            sentence = sentence[: model.truncate_dim]
        assert torch.equal(rows[index], sentence), "the hooks did not see what encode gave"
        out[index] = {"ids": first["input_ids"][place, :length].tolist(), "hidden": hidden, "modules": modules, "vector": sentence.numpy()}
    return out
