"""Draw solutions from a policy folder with CTranslate2, without torch.

The prompt is the problem's text and a newline; a solution ends with the end token or is cut off
at LONGEST_SOLUTION tokens. Draws are not reproducible, not even with one seed.
"""

from pathlib import Path

import ctranslate2
from tokenizers import Tokenizer

from worlds.tokenizer import END

LONGEST_SOLUTION = 400
# Prompts x draws near this are decoded fastest; a batch lasts as long as its longest member.
_BATCH = 64


def sample(
    policy: Path, texts: list[str], draws: int, temperature: float
) -> list[list[tuple[str, bool]]]:
    """For every problem text, `draws` solutions: the text, and whether it ended by itself."""
    tokenizer = Tokenizer.from_file(str(policy / "tokenizer.json"))
    generator = ctranslate2.Generator(
        str(policy / "ct2"), compute_type="int8", inter_threads=2, intra_threads=1
    )
    prompts = [encoding.tokens for encoding in tokenizer.encode_batch([t + "\n" for t in texts])]
    results = generator.generate_batch(
        prompts,
        max_batch_size=max(1, _BATCH // draws),
        max_length=LONGEST_SOLUTION,
        sampling_temperature=temperature,
        sampling_topk=0,
        num_hypotheses=draws,
        include_prompt_in_result=False,
        end_token=END,
        return_end_token=True,
    )
    end = tokenizer.token_to_id(END)
    return [
        [(tokenizer.decode([i for i in ids if i != end]), end in ids) for ids in row.sequences_ids]
        for row in results
    ]
