"""Arrow schemas of every table. All tables are Parquet.

Steps are 0-based. `prefix_len` m = 0..T is the number of steps kept; 0 is the problem alone.
`value[t]` is the value of the prefix that includes step t (m = t + 1). `first_error` is -1 for
none and null where undecided. Verdicts and reasons are stored by the values of
`pipeline.verdict`. docs/schema.md explains each column.
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = 4

STEP = pa.struct(
    [
        ("text", pa.string()),
        ("start", pa.int32()),  # Unicode code points into solutions.text
        ("end", pa.int32()),
        ("token_end", pa.int32()),  # tokens of the solution kept by the prefix that ends here
        ("logprob", pa.float32()),  # mean log-probability of the step's tokens, where known
        ("part", pa.string()),  # thinking / response, of a reasoning trace (pipeline/trace.py)
    ]
)

PROBLEMS = pa.schema(
    [
        ("problem_id", pa.string()),
        ("source", pa.string()),
        ("domain", pa.string()),
        ("language", pa.string()),
        ("text", pa.string()),
        ("answer", pa.string()),
        ("answer_type", pa.string()),
        ("answer_origin", pa.string()),  # given / majority; null where there is no answer
        ("answer_agreement", pa.float64()),  # share of the samples behind a majority answer
        ("level", pa.string()),  # the difficulty that the source states, in its own words
        ("meta", pa.string()),  # JSON
    ]
)

SOLUTIONS = pa.schema(
    [
        ("solution_id", pa.string()),
        ("problem_id", pa.string()),
        ("policy", pa.string()),  # model revision
        ("prompt_hash", pa.string()),
        ("text", pa.string()),
        ("steps", pa.list_(STEP)),
        ("token_ids", pa.list_(pa.int32())),  # null when imported
        ("parent_solution_id", pa.string()),
        ("fork_len", pa.int32()),
        ("origin", pa.string()),  # sampled / tree / imported
        ("final_answer", pa.string()),
        ("outcome", pa.string()),  # verdict
        ("outcome_reason", pa.string()),
        ("finish_reason", pa.string()),
        ("tokens", pa.int32()),
        ("draws", pa.list_(pa.int32())),  # the screening draws that gave this very text
        ("seed", pa.int64()),
    ]
)

# What screening found about a question; one row a problem.
QUESTIONS = pa.schema(
    [
        ("problem_id", pa.string()),
        ("samples", pa.int32()),
        ("correct", pa.int32()),
        ("incorrect", pa.int32()),
        ("unknown", pa.int32()),
        ("distinct", pa.int32()),  # different solution texts among the samples
        ("pass_rate", pa.float64()),  # correct / (correct + incorrect); null if none is known
        ("question_reason", pa.string()),  # why it is not searched; null when it is
        ("tokens", pa.int64()),
    ]
)

ROLLOUTS = pa.schema(
    [
        ("problem_id", pa.string()),
        ("prefix_hash", pa.string()),
        ("prefix_len", pa.int32()),
        ("prefix_end", pa.int32()),  # code points of the solution before `text`
        ("draw", pa.int32()),
        ("text", pa.string()),
        ("outcome", pa.string()),
        ("outcome_reason", pa.string()),
        ("final_answer", pa.string()),
        ("finish_reason", pa.string()),
        ("tokens", pa.int32()),
        ("seed", pa.int64()),
        ("prover", pa.string()),  # model revision
        ("source", pa.string()),  # as in evidence: prover, prompt and sampling parameters
    ]
)

SELECTION = pa.struct(
    [
        ("order", pa.int32()),  # 0-based, over the problem's whole search
        ("draw", pa.int32()),
        ("solution_id", pa.string()),
        ("q", pa.float64()),  # at the time of the selection
        ("u", pa.float64()),
    ]
)

# One measured prefix of a problem. Depth counts edges: the root (the problem alone) has 0.
TREE = pa.schema(
    [
        ("problem_id", pa.string()),
        ("tree_id", pa.string()),
        ("node_id", pa.int32()),  # 0: the root
        ("parent_id", pa.int32()),  # the longest measured prefix before it; null for the root
        ("depth", pa.int32()),
        ("prefix_hash", pa.string()),
        ("prefix_len", pa.int32()),
        ("edge_steps", pa.int32()),  # steps between parent and node; 1: a single-step edge
        ("solution_id", pa.string()),  # a solution that has the prefix
        ("correct", pa.int32()),
        ("incorrect", pa.int32()),
        ("unknown", pa.int32()),
        ("visits", pa.int32()),  # omegaprm: N(s), how often a rollout of it was selected
        ("q", pa.float64()),  # omegaprm: the highest Q(s, r) of its wrong rollouts
        ("selected", pa.list_(SELECTION)),  # omegaprm: its rollouts that were selected
    ]
)

DETAIL = pa.struct(
    [("rule", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("text", pa.string())]
)

EVIDENCE = pa.schema(
    [
        ("solution_id", pa.string()),
        ("step", pa.int32()),  # -1: the problem alone (m = 0); null: the whole solution
        ("annotator", pa.string()),
        ("source", pa.string()),  # hash of annotator version, model revision, prompt, parameters
        ("target", pa.string()),  # prefix_value / prefix_correct / step_valid / outcome
        ("correct", pa.int32()),
        ("incorrect", pa.int32()),
        ("unknown", pa.int32()),
        ("censored", pa.bool_()),  # drawing stopped because of what was seen
        ("score", pa.float64()),
        ("detail", pa.list_(DETAIL)),
        ("tokens", pa.int64()),
        ("seconds", pa.float64()),
    ]
)

# One call of a judge (annotators/judge).
JUDGEMENTS = pa.schema(
    [
        ("solution_id", pa.string()),
        ("problem_id", pa.string()),
        ("annotator", pa.string()),  # the judge's name in the recipe
        ("source", pa.string()),  # as in evidence
        ("mode", pa.string()),
        ("step", pa.int32()),  # what the call is about, in mode one_step; null: all steps
        ("draw", pa.int32()),
        ("verdicts", pa.list_(pa.int8())),  # 1 correct, 0 incorrect, null unknown; null: not read
        ("first_error", pa.int32()),  # -1 for none
        ("critique", pa.string()),
        ("correction", pa.string()),  # of the first wrong step, where one was given
        ("text", pa.string()),  # all that was written
        ("finish_reason", pa.string()),
        ("reason", pa.string()),  # why there is no answer
        ("retried", pa.bool_()),  # not read; another draw stands for it
        ("tokens", pa.int32()),
        ("prompt_tokens", pa.int32()),  # read; draws of one request share them: the first has them
    ]
)

# A judge's call about a whole solution that says what the labels say (annotators/judge).
RATIONALES = pa.schema(
    [
        ("solution_id", pa.string()),
        ("problem_id", pa.string()),
        ("annotator", pa.string()),
        ("source", pa.string()),
        ("mode", pa.string()),
        ("draw", pa.int32()),
        ("problem", pa.string()),
        ("steps", pa.list_(pa.string())),  # all of them, as in labels
        ("critique", pa.string()),
        ("verdicts", pa.list_(pa.int8())),  # 1, and 0 for the first error, where they end
        ("first_error", pa.int32()),  # -1 for none
        ("correction", pa.string()),  # in place of steps[first_error]; null unless confirmed
        ("correction_success", pa.int32()),  # rollouts of what was tried; null: nothing was
        ("correction_rollouts", pa.int32()),  # known outcomes
        ("correction_tokens", pa.int64()),  # generated; equal corrections: stand with the first
        ("value_before", pa.float64()),  # of the steps before the first error, from labels
        ("error_value", pa.float64()),  # with the wrong step
        ("error_success", pa.int32()),
        ("error_rollouts", pa.int32()),
    ]
)

TRUTH = pa.schema(
    [
        ("solution_id", pa.string()),
        ("step", pa.int32()),
        ("verdict", pa.string()),
        ("origin", pa.string()),  # oracle / human / imported
    ]
)

STEP_VERDICT = pa.struct(
    [("annotator", pa.string()), ("verdict", pa.string()), ("reason", pa.string())]
)

# One solution, published. Lists are per step, all of the same length.
LABELS = pa.schema(
    [
        ("solution_id", pa.string()),
        ("problem_id", pa.string()),
        ("source", pa.string()),
        ("domain", pa.string()),
        ("language", pa.string()),
        ("problem", pa.string()),
        ("answer", pa.string()),
        ("steps", pa.list_(pa.string())),  # the pieces; joined they are the solution's text
        ("prefix_hash", pa.list_(pa.string())),
        ("step_start", pa.list_(pa.int32())),
        ("step_end", pa.list_(pa.int32())),
        ("step_tokens", pa.list_(pa.int32())),
        ("step_logprob", pa.list_(pa.float32())),
        ("step_part", pa.list_(pa.string())),  # thinking / response
        ("repeated", pa.list_(pa.bool_())),  # the step says what an earlier step said
        ("fork_group", pa.list_(pa.string())),  # the prefix before the step
        ("fork_size", pa.list_(pa.int32())),  # different next steps from there
        ("verdicts", pa.list_(pa.list_(STEP_VERDICT))),
        ("judge_correct", pa.list_(pa.int32())),  # votes on the step, of all judges
        ("judge_incorrect", pa.list_(pa.int32())),
        ("judge_unknown", pa.list_(pa.int32())),
        ("final_answer", pa.string()),
        ("outcome", pa.string()),
        ("finish_reason", pa.string()),
        ("level", pa.string()),
        ("answer_agreement", pa.float64()),  # null where the answer was given
        ("path_diversity", pa.float64()),  # distinct texts / screening samples
        ("n_merged", pa.int32()),  # screening samples that gave this very text
        ("origin", pa.string()),  # sampled / tree / imported
        ("tree_id", pa.string()),
        ("parent_solution_id", pa.string()),  # tree: the solution it leaves,
        ("fork_len", pa.int32()),  # and after how many steps
        ("policy", pa.string()),
        ("prompt_hash", pa.string()),
        ("segmentation", pa.string()),
        # From here on, what another policy's labels change: in one run, and last, so that the rest
        # of a relabelled file keeps its bytes (pipeline/published.py).
        ("p_correct", pa.list_(pa.float64())),  # soft label: P(no step up to here is wrong)
        ("label", pa.list_(pa.int8())),  # hard: 1, 0, null where undecided
        ("value", pa.list_(pa.float64())),
        ("value_low", pa.list_(pa.float64())),
        ("value_high", pa.list_(pa.float64())),
        ("advantage", pa.list_(pa.float64())),
        ("weight", pa.list_(pa.float64())),
        ("n_rollouts", pa.list_(pa.int32())),  # known outcomes; unknown ones are not counted
        ("n_success", pa.list_(pa.int32())),
        ("n_unknown", pa.list_(pa.int32())),
        ("censored", pa.list_(pa.bool_())),
        ("no_gain", pa.list_(pa.bool_())),  # the step did not raise the value; null where unknown
        ("fork_advantage", pa.list_(pa.float64())),  # value - mean value of these next steps
        ("node_id", pa.list_(pa.int32())),  # of the tree; null where nothing was measured
        ("parent_id", pa.list_(pa.int32())),
        ("depth", pa.list_(pa.int32())),
        ("edge_steps", pa.list_(pa.int32())),
        ("visits", pa.list_(pa.int32())),
        ("q", pa.list_(pa.float64())),
        ("p_first_error", pa.list_(pa.float64())),  # view posterior: P(the first error is here)
        ("value_root", pa.float64()),
        ("first_error", pa.int32()),
        ("mc_first_error", pa.int32()),  # by view hard, whatever the view is
        ("judge_first_error", pa.int32()),  # by the majority of the judges' votes at each step
        ("entropy", pa.float64()),  # view posterior: of the first error's place, in bits
        ("saturation", pa.int32()),  # the first step from which every value is 1; null for none
        ("keep", pa.bool_()),
        ("keep_reason", pa.string()),  # null when kept
        ("p_min", pa.float64()),
        ("p_mean", pa.float64()),
        ("p_product", pa.float64()),
        ("p_last", pa.float64()),
        ("pass_rate", pa.float64()),  # of the problem: its samples, or the prover's from the root
        ("difficulty", pa.float64()),  # 1 - (right + 1/2) / (known + 1) of the problem's samples
        ("prover", pa.string()),
        ("view", pa.string()),
        ("after_error", pa.string()),
        ("recipe_hash", pa.string()),
        ("schema_version", pa.int32()),
    ]
)
