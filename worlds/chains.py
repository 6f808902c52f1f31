"""The chains world: arithmetic word problems of 3 to 12 derivation steps.

Guarantee: `make(seed, split)` depends on nothing but its arguments. Every value is a positive
whole number, every quantity is fixed by the text, statements are shuffled, and some statements do
not matter. A problem's text alone is enough for `chain_oracle` to judge any solution of it.
"""

import random

from worlds.chain_forms import Add, Fact, Given, Quantity, Sum, Times, forms
from worlds.problem import Made, Problem
from worlds.words import DOLLARS, Split, containers, items, names

LARGEST = 200
_STEP_COUNTS = range(3, 13)
_STEP_WEIGHTS = (9, 6, 4, 2, 1, 0.5, 0.3, 0.2, 0.2, 0.2)


class _Story:
    """A problem while it is made: facts so far, values so far, and the names not yet used."""

    def __init__(self, rng: random.Random, split: Split) -> None:
        self.rng = rng
        self.split = split
        fresh = list(names(split))
        rng.shuffle(fresh)
        if split == "heldout":  # twelve names are too few for the longest problems
            rest = list(names("train"))
            rng.shuffle(rest)
            fresh += rest
        self._fresh = fresh[::-1]
        self.item = rng.choice(items(split))
        self.values: dict[Quantity, int] = {}
        self.facts: list[Fact] = []

    def person(self) -> str:
        return self._fresh.pop()

    def give(self, quantity: Quantity) -> Quantity:
        """State a starting value."""
        value = self.rng.randint(3, 30)
        self.values[quantity] = value
        self.facts.append(Given(quantity, value))
        return quantity

    def derive(self, source: Quantity) -> tuple[Fact, Quantity]:
        """Add a relation that fixes a new quantity from a known one."""
        rng, value = self.rng, self.values[source]
        owner, item = source
        choices = ["more", "more", "fewer", "fewer", "sum"]
        multiples = [k for k in range(2, 6) if value * k <= LARGEST]
        divisors = [k for k in range(2, 6) if value % k == 0 and value > k]
        choices += ["times", "times"] * bool(multiples) + ["share", "share"] * bool(divisors)
        if item in containers(self.split) and multiples and (owner, self.item) not in self.values:
            choices = ["pack"]
        elif item == self.item and multiples and (owner, DOLLARS) not in self.values:
            choices.append("price")
        kind = rng.choice(choices)
        target = (self.person() if kind not in ("pack", "price") else owner, item)
        fact: Fact
        if kind == "fewer" and value > 4:
            k = rng.randint(2, min(value - 2, 20))
            fact, result = Add(source, target, k), value - k
        elif kind == "sum":
            others = [q for q in self.values if q[1] == item and q != source]
            if others and rng.random() < 0.4:
                other = rng.choice(others)
            else:
                other = self.give((self.person(), item))
            fact, result = Sum(target, frozenset({source, other})), value + self.values[other]
        elif kind == "times":
            k = rng.choice(multiples)
            fact, result = Times(target, source, k), value * k
        elif kind == "share":
            k = rng.choice(divisors)
            fact, result = Times(source, target, k), value // k
        elif kind in ("pack", "price"):
            target = (owner, self.item if kind == "pack" else DOLLARS)
            k = rng.choice(multiples)
            fact, result = Times(target, source, k), value * k
        else:
            k = rng.randint(2, 20)
            fact, result = Add(target, source, k), value + k
        self.facts.append(fact)
        self.values[target] = result
        return fact, target


def _distract(story: _Story, path: list[Quantity], count: int) -> list[str]:
    """Add facts off the path; the sentences that are pure noise are returned ready."""
    noise = []
    for _ in range(count):
        draw = story.rng.random()
        if draw < 0.4:
            form = story.rng.choice(forms("noise", story.split))
            noise.append(form.fill(A=story.rng.choice(path)[0], k=story.rng.randint(3, 60)))
        elif draw < 0.85:
            story.give((story.person(), story.rng.choice(path)[1]))
        else:
            # A dead end one step long: longer ones need a search no small policy can do.
            owners = [q for q in path[:-1] if q[1] not in containers(story.split)]
            if owners:
                story.derive(story.rng.choice(owners))
    return noise


def _parts(fact: Sum, source: Quantity | None) -> tuple[Quantity, Quantity]:
    """The two parts, the source first if it is one of them."""
    first, second = sorted(fact.parts)
    return (second, first) if source == second else (first, second)


def state(
    fact: Fact, source: Quantity | None, target: Quantity | None, rng: random.Random, split: Split
) -> str:
    """One sentence for a fact. With a target it is worded about that quantity."""
    if isinstance(fact, Given):
        (a, i), k = fact.quantity, fact.value
        return rng.choice(forms("given", split)).fill(A=a, i=i, k=k)
    if isinstance(fact, Sum):
        parts = _parts(fact, source)
        form = rng.choice(forms("sum", split))
        return form.fill(A=fact.total[0], i=fact.total[1], B=parts[0][0], C=parts[1][0])
    if isinstance(fact, Add):
        above = target == fact.high if target else rng.random() < 0.5
        one, two = (fact.high, fact.low) if above else (fact.low, fact.high)
        form = rng.choice(forms("more" if above else "fewer", split))
        return form.fill(A=one[0], B=two[0], i=one[1], k=fact.k)
    if fact.big[1] != fact.small[1]:
        kind = "price" if fact.big[1] == DOLLARS else "pack"
        form = rng.choice(forms(kind, split))
        return form.fill(A=fact.big[0], i=fact.small[1], j=fact.big[1], k=fact.k)
    above = target == fact.big if target else rng.random() < 0.5
    one, two = (fact.big, fact.small) if above else (fact.small, fact.big)
    below = "half" if fact.k == 2 else "share"
    form = rng.choice(forms("times" if above else below, split))
    return form.fill(A=one[0], B=two[0], i=one[1], k=fact.k)


def quote(fact: Fact, source: Quantity | None, target: Quantity) -> str:
    """The fact as gold solutions quote it, about the target, without the full stop."""
    kind, slots = "", {}
    if isinstance(fact, Sum):
        b, c = _parts(fact, source)
        kind, slots = "sum", {"B": b[0], "C": c[0]}
    elif isinstance(fact, Add):
        above = target == fact.high
        kind = "more" if above else "fewer"
        slots = {"B": (fact.low if above else fact.high)[0], "k": str(fact.k)}
    elif isinstance(fact, Times) and fact.big[1] != fact.small[1]:
        kind = "price" if fact.big[1] == DOLLARS else "pack"
        slots = {"i": fact.small[1], "j": fact.big[1], "k": str(fact.k)}
    elif isinstance(fact, Times):
        above = target == fact.big
        kind = "times" if above else "half" if fact.k == 2 else "share"
        slots = {"B": (fact.small if above else fact.big)[0], "k": str(fact.k)}
    form = forms(kind, "train")[0]
    return form.fill(**({"A": target[0], "i": target[1]} | slots)).removesuffix(".")


def equation(
    fact: Fact, source: Quantity | None, target: Quantity, values: dict[Quantity, int]
) -> str:
    """`a op b = c` for the target, from the values of the other quantities."""
    if isinstance(fact, Sum):
        first, second = _parts(fact, source)
        a, op, b = values[first], "+", values[second]
    elif isinstance(fact, Add) and target == fact.high:
        a, op, b = values[fact.low], "+", fact.k
    elif isinstance(fact, Add):
        a, op, b = values[fact.high], "-", fact.k
    elif isinstance(fact, Times) and target == fact.big:
        a, op, b = fact.k, "*", values[fact.small]
    elif isinstance(fact, Times):
        a, op, b = values[fact.big], "/", fact.k
    else:
        raise TypeError(f"a given value needs no equation: {fact}")
    return f"{a} {op} {b} = {values[target]}"


def make(seed: int, split: Split = "train", max_steps: int = 12) -> Made:
    """One problem and its gold solution."""
    rng = random.Random(f"chains/{split}/{seed}")
    n_steps = min(rng.choices(_STEP_COUNTS, _STEP_WEIGHTS)[0], max_steps)
    story = _Story(rng, split)
    start_item = rng.choice(containers(split)) if rng.random() < 0.2 else story.item
    path = [story.give((story.person(), start_item))]
    chain: list[tuple[Fact, Quantity]] = []
    for _ in range(n_steps):
        chain.append(story.derive(path[-1]))
        path.append(chain[-1][1])
    noise = _distract(story, path, rng.choice((0, 0, 1, 1, 1, 2)) if n_steps < 9 else 0)
    turns = {fact: (source, target) for source, (fact, target) in zip(path, chain, strict=False)}
    nowhere: tuple[Quantity | None, Quantity | None] = (None, None)
    stated = list(noise)
    for fact in story.facts:
        # Three relations in a hundred are worded about either quantity, as it comes.
        source, about = turns.get(fact, nowhere) if rng.random() < 0.97 else nowhere
        stated.append(state(fact, source, about, rng, split))
    rng.shuffle(stated)
    asked = path[-1]
    question = rng.choice(forms("question", split)).fill(A=asked[0], i=asked[1])
    steps = []
    for source, (fact, target) in zip(path, chain, strict=False):
        known = f"{source[0]} has {story.values[source]} {source[1]}"
        reason = quote(fact, source, target)
        result = f"{target[0]} has {equation(fact, source, target, story.values)} {target[1]}."
        if rng.random() < 0.15:
            reason = reason.replace("Compared", "compared")
            steps.append(f"{known} and, {reason}, so {result}")
        else:
            steps.append(f"{known}. {reason}. So {result}")
    answer = str(story.values[asked])
    steps.append(f"The answer is {answer}.")
    problem = Problem(
        problem_id=f"chains-{split}-{seed}",
        source="stepsmith-worlds",
        domain="chains",
        language="en",
        text=" ".join([*stated, question]),
        answer=answer,
        answer_type="number",
        meta={"n_steps": n_steps, "seed": seed, "split": split},
    )
    return Made(problem, steps)
