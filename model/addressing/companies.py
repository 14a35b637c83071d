"""What stands around a question in real traffic: system prompts, earlier turns, politeness, haste."""

import random
import re
from typing import Any

from model.addressing.states import Prompt

SYSTEMS = (
    "You are a helpful assistant.",
    "You answer questions of our employees. Be brief.",
    "You are Ada, the friendly assistant of a small company. Answer in one sentence.",
    "Answer the user's question as shortly as possible.",
    "You are an expert assistant. If you do not know something, say so.",
    "You are a polite customer service agent. Never invent facts, and keep every answer under thirty words.",
    "You are a knowledgeable librarian who answers in plain English.",
    "Today is Tuesday. You help visitors at a front desk.",
    "You are a careful technical support engineer. Think before you answer, and give the value alone.",
    "You are a chatbot for an internal handbook. Only answer what was asked.",
    "Respond like a pirate, but get the facts right.",
    "You are an AI language model. Follow the user's instructions carefully and respond in a helpful and honest "
    "manner.",
    "You are a teacher. Explain simply, for pupils of ten years.",
    'Reply with JSON: {"answer": ...}',
)
TALKS = (
    ("Hi!", "Hello! How can I help you today?"),
    ("Thanks for your help yesterday.", "You're welcome! Is there anything else I can do for you?"),
    ("Write a haiku about autumn.", "Leaves drift to the ground\nA quiet wind stirs the lake\nAutumn says goodbye"),
    ("What is 17 times 3?", "17 times 3 is 51."),
    (
        "How do I boil an egg?",
        "Put the egg into boiling water for seven to ten minutes, then cool it under cold water.",
    ),
    ("Translate 'good morning' into French.", "'Good morning' is 'bonjour' in French."),
    ("What is the capital of Portugal?", "The capital of Portugal is Lisbon."),
    ("Who painted the Mona Lisa?", "The Mona Lisa was painted by Leonardo da Vinci."),
    (
        "Can you recommend a book?",
        "I recommend 'Pride and Prejudice' by Jane Austen. It is witty and a pleasure to read.",
    ),
    (
        "My laptop is slow. What can I do?",
        "Close programs that you do not use, restart it, and check that the disk is not full.",
    ),
    ("How tall is Mount Everest?", "Mount Everest is 8,849 metres tall."),
    ("Tell me a joke.", "Why did the scarecrow win a prize? Because he was outstanding in his field."),
    (
        "What's the difference between a cat and a dog?",
        "Cats are more independent; dogs are more social and need walks.",
    ),
    ("I have a meeting at nine tomorrow.", "Good luck with your meeting! Would you like help with preparing it?"),
    ("When did the Second World War end?", "The Second World War ended in 1945."),
    ("Is the office open on Saturdays?", "I don't have information about that, I'm afraid."),
    ("How many days are there in February?", "February has 28 days, and 29 in a leap year."),
    ("Explain photosynthesis in one sentence.", "Plants turn light, water and carbon dioxide into sugar and oxygen."),
    ("ok", "Great! What would you like to know next?"),
    ("Who wrote Hamlet?", "Hamlet was written by William Shakespeare."),
)
POLITE = (
    ("Hello, I have a question please. ", " Thanks a lot!"),
    ("Hi there! ", ""),
    ("", " Thank you."),
    ("Good morning. Could you help me with something? ", ""),
    ("Quick question: ", ""),
    ("Please tell me: ", ""),
    ("Hey, ", " thx"),
    ("Sorry to bother you. ", " Many thanks in advance."),
    ("I was wondering about something. ", " Please keep it short."),
    ("A customer asked me this: ", ""),
    ("I need this for a report. ", " Answer in one sentence."),
    ("", " I couldn't find it anywhere."),
)
BARE = ("Question: {}\nAnswer:", "Q: {}\nA:", "{}\n")
PLAIN, UNFRAMED, FOLLOWING = "plain", "bare", "follow"
SYSTEM, TURNS, TOPIC, COURTESY, LOWER, TYPO = "system", "turns", "topic", "polite", "lower", "typo"
KINDS = (SYSTEM, TURNS, TOPIC, COURTESY, COURTESY, LOWER, TYPO, UNFRAMED)


class Companion:
    """Puts a question into company, as the base's own chat template renders it.

    A companion knows few contexts, which `seed` draws: prompts that begin alike are cheap.
    """

    def __init__(self, tokenizer: Any, seed: int = 0) -> None:
        self._tokenizer = tokenizer
        rng = random.Random(seed)  # noqa: S311 - seeded, not secret
        self._systems = rng.sample(range(len(SYSTEMS)), 4)
        self._topics = rng.sample(range(len(TALKS)), 4)
        self._talks = [tuple(rng.sample(range(len(TALKS)), 2)) for _ in range(3)]

    def plain(self, text: str) -> Prompt:
        """The question alone."""
        return self.chat([], text, PLAIN)

    def bare(self, text: str, frame: str = "{}") -> Prompt:
        """A completion without any template, for which the whole text counts as a turn."""
        return Prompt(text=frame.format(text), company=f"{UNFRAMED} {frame}", turns=(frame.format(text),), whole=False)

    def chat(self, before: list[dict[str, str]], text: str, company: str) -> Prompt:
        """`text` as the last turn behind the messages `before`."""
        messages = [*before, {"role": "user", "content": text}]
        turns = tuple(message["content"] for message in messages if message["role"] == "user")
        if not getattr(self._tokenizer, "chat_template", None):
            return Prompt(
                "\n".join([*(m["content"] for m in before), f"Question: {text}\nAnswer:"]), company, turns, False
            )
        rendered = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return Prompt(rendered, company, turns)

    def following(self, asked: str, told: str, text: str) -> Prompt:
        """`text` after a turn that has named its subject; the turn before asked something else about it."""
        return self.chat(_messages([(asked, told)]), text, FOLLOWING)

    def put(self, text: str, kind: str, rng: random.Random) -> Prompt:
        """`text` in company of this kind; which one, `rng` decides."""
        if kind == SYSTEM:
            number = rng.choice(self._systems)
            return self.chat([{"role": "system", "content": SYSTEMS[number]}], text, f"{kind} {number}")
        if kind in (TURNS, TOPIC):
            chosen = rng.choice(self._talks) if kind == TURNS else (rng.choice(self._topics),)
            return self.chat(_messages([TALKS[number] for number in chosen]), text, f"{kind} {chosen}")
        if kind == COURTESY:
            number = rng.randrange(len(POLITE))
            return self.chat([], POLITE[number][0] + text + POLITE[number][1], f"{kind} {number}")
        if kind == LOWER:
            return self.plain(re.sub(r"[?.!]+$", "", text).lower())
        if kind == TYPO:
            return self.plain(mistyped(text, rng))
        if kind == UNFRAMED:
            return self.bare(text, rng.choice(BARE))
        return self.plain(text)


def _messages(talks: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"role": role, "content": content}
        for talk in talks
        for role, content in zip(("user", "assistant"), talk, strict=True)
    ]


def mistyped(text: str, rng: random.Random) -> str:
    """One or two slips of a hurried hand: letters swapped, dropped or doubled inside longer words."""
    words = text.split(" ")
    long = [index for index, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    for index in rng.sample(long, min(len(long), rng.choice((1, 1, 2)))):
        word, at = words[index], rng.randrange(1, len(words[index]) - 2)
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        words[index] = rng.choice((swapped, word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]))
    return " ".join(words)
