"""The words of both worlds.

Guarantee: every list is split once, here. `train` problems use only the first part; the second
part appears only in problems made with `split="heldout"`. No noun and no adjective ends in "s",
and every noun begins with a consonant, so plurals and articles can be read back without a lexicon.
"""

from typing import Literal

Split = Literal["train", "heldout"]

_NAMES = (
    "Ann Tom Bob Eva Max Sam Joe Kim Lee Mia Ned Pam Ray Sue Tim Zoe Ben Dan Fay Gus "
    "Ian Jon Liz Roy",
    "Abe Bea Cal Dot Eli Flo Hal Ivy Jed Kay Lou Meg",
)
_ITEMS = ("apples pens cards eggs coins books nuts shells", "kites plums beads stamps")
_CONTAINERS = ("boxes bags", "crates")
_NOUNS = (
    "wug dax fep gorp zim blick tove rab mip lorp vorn tig pell dob nurk jat sarp kel yim hun",
    "quib mandle frit bonk tarl zogg pim darv sned lund",
)
_ADJECTIVES = (
    "kind shy cold loud red tall wet slow calm bright sweet rich",
    "brave dull quick pale soft proud",
)

DOLLARS = "dollars"


def _pick(lists: tuple[str, str], split: Split) -> tuple[str, ...]:
    return tuple(lists[0 if split == "train" else 1].split())


def names(split: Split) -> tuple[str, ...]:
    """First names, of chains and of deduction alike."""
    return _pick(_NAMES, split)


def items(split: Split) -> tuple[str, ...]:
    """Plural things that are counted."""
    return _pick(_ITEMS, split)


def containers(split: Split) -> tuple[str, ...]:
    """Plural things that hold items."""
    return _pick(_CONTAINERS, split)


def nouns(split: Split) -> tuple[str, ...]:
    """Made-up kinds of creature, singular."""
    return _pick(_NOUNS, split)


def adjectives(split: Split) -> tuple[str, ...]:
    """Properties."""
    return _pick(_ADJECTIVES, split)
