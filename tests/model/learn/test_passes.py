"""Passes: what they say is what the model says of each text alone, however texts share a beginning."""

import pytest
import torch

from model.base.attach import Place
from model.learn import passes
from model.learn.passes import Passes
from tests import tiny


@pytest.mark.parametrize("language", [tiny.llama(), tiny.gpt_neox()], ids=lambda config: config.model_type)
def test_a_text_says_in_company_what_it_says_alone(language):
    checkpoint = tiny.build(language)
    prompts, sketch = checkpoint.prompts, checkpoint.memory.addressing.sketch
    asked = ["Who?", "What is the capital of Zorvania?", "What is it?", "Where is the ferry?"]
    texts = [
        (prompts.question(question), prompts.answer("Lisbon") if n % 2 else ()) for n, question in enumerate(asked)
    ]
    texts.append((prompts.continuation("The capital is"), ()))
    made = Passes(checkpoint)
    alone = [made.said([text])[0] for text in texts]
    for said in (made.said(texts), made.said(texts[::-1])[::-1], alone):
        for (prompt, answer), one in zip(texts, said, strict=True):
            ids, last = (*prompt.ids, *answer[:-1]), len(prompt.ids) - 1
            places = [Place(0, last + more, checkpoint.table.base) for more in range(max(1, len(answer)))]
            places[0] = Place(0, last, checkpoint.table.base, spoken=sketch.spoken(prompt.turns))
            with torch.inference_mode(), checkpoint.attachment.reading(places) as reads:
                checkpoint.model.get_decoder()(input_ids=torch.tensor([ids]))
            assert torch.allclose(one.hidden, reads.hidden, atol=1e-4)
            assert torch.allclose(one.asked.what, reads.asked[0].what, atol=1e-4)
            assert torch.allclose(one.asked.whom, reads.asked[0].whom, atol=1e-4)
    assert made.asked([]) == []


def test_texts_that_begin_alike_share_what_they_begin_with_and_see_nothing_else(monkeypatch):
    monkeypatch.setattr(passes, "_TOKENS", 8)
    texts = [[9, 1, 2, 3], [9, 1, 2, 4, 5], [9, 7], [9, 1, 2], [9, *range(20, 32)]]
    rows = list(passes._woven(texts, begun=1))
    assert sorted(index for row in rows for index in row.paths) == list(range(len(texts)))
    for row in rows:
        assert len(set(zip(row.depths, row.ids, map(bytes, row.sees), strict=True))) == len(row.ids)  # each stands once
        for index, path in row.paths.items():
            assert [row.ids[at] for at in path] == texts[index][1:]
            assert [row.depths[at] for at in path] == list(range(len(path)))
            for depth, at in enumerate(path):
                assert row.sees[at].nonzero()[0].tolist() == sorted(path[: depth + 1])
    assert [len(row.ids) for row in rows] == [6, 12]
