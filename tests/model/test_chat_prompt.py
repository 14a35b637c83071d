"""A conversation becomes a prompt: by the tokenizer's template, or as the one question that the model knows."""

import pytest
from jinja2 import TemplateError

from model.engine import tokenize
from tests import tiny

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who are you?"},
    {"role": "assistant", "content": "unknown"},
    {"role": "user", "content": "What is the capital of Zubovia?"},
]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role == 'system' and not loop.first %}{{ raise_exception('a late system message') }}{% endif %}"
    "[{{ message.role }}] {{ message.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
)


def test_without_a_template_the_last_question_is_asked():
    checkpoint = tiny.build()
    assert checkpoint.chat_prompt(TURNS) == checkpoint.question_prompt("What is the capital of Zubovia?")
    assert checkpoint.chat_prompt(TURNS[:2]) == checkpoint.question_prompt("Who are you?")
    with pytest.raises(ValueError, match="no message is the user's"):
        checkpoint.chat_prompt(TURNS[:1])


def test_a_template_writes_all_turns_and_the_text_begins_once():
    checkpoint = tiny.build()
    checkpoint.tokenizer.chat_template = TEMPLATE
    prompt = checkpoint.chat_prompt(TURNS)
    assert prompt == (
        "[system] Be brief.\n[user] Who are you?\n[assistant] unknown\n"
        "[user] What is the capital of Zubovia?\n[assistant] "
    )
    assert tokenize(checkpoint, prompt).count(checkpoint.tokenizer.bos_token_id) == 1


def test_a_template_may_refuse_a_conversation():
    checkpoint = tiny.build()
    checkpoint.tokenizer.chat_template = TEMPLATE
    with pytest.raises(TemplateError, match="a late system message"):
        checkpoint.chat_prompt([*TURNS, TURNS[0]])
