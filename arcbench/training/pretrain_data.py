"""Documents of the pretraining: a prompt of a synthetic task and the program that solves it.

Every pack is a pure function of (seed, number), whatever the number of worker processes: a run
that was killed goes on with the very same data. Nothing here imports torch.
"""

import multiprocessing
import queue
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from arcbench.background import end_with_parent
from arcbench.grids import Grid
from arcbench.prompts import PromptTemplate
from arcbench.synth.checks import Recent, canonical_digest
from arcbench.synth.config import SynthConfig
from arcbench.synth.generate import DEFAULT, SynthTask, generate
from arcbench.training.tokenizer import MAX_POSITIONS, load_tokenizer, template_pieces

Ids = npt.NDArray[np.int16]
Kinds = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int16]

# What a token is to the loss.
NO_LOSS, GRID_LOSS, PROGRAM_LOSS = 0, 1, 2
# Pack n holds the tasks n·STRIDE, n·STRIDE + 1, …; it never gets that far.
STRIDE = 4096
GAP_SHARE = 0.4  # documents whose positions have gaps
MAX_PROBLEMS = 5  # tasks of one pack that may raise


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One training text."""

    ids: Ids  # (tokens,)
    kinds: Kinds  # (tokens,) NO_LOSS, GRID_LOSS or PROGRAM_LOSS
    joints: tuple[int, ...]  # where the second example, the third … and the test begin

    def positions(self, rng: np.random.Generator) -> Positions:
        """Positions (tokens,): 0, 1, 2 … or, for a share of the documents, with gaps at joints.

        Most documents are shorter than the prompts of ARC. With gaps the model learns distances
        up to MAX_POSITIONS all the same (positional skips, arXiv 2309.10400).
        """
        positions = np.arange(len(self.ids), dtype=np.int16)
        room = MAX_POSITIONS - len(self.ids)
        if room > 0 and rng.random() < GAP_SHARE:
            # Squared: middle distances are more frequent than the longest ones.
            total = int(room * rng.random() ** 2)
            steps = np.sort(rng.integers(0, total + 1, size=len(self.joints)))
            for joint, step in zip(self.joints, np.diff(steps, prepend=0), strict=True):
                positions[joint:] += np.int16(step)
        return positions


@dataclass(frozen=True, kw_only=True, slots=True)
class Pack:
    """Documents behind one another, filled up with pad tokens to a fixed length."""

    number: int
    ids: Ids  # (tokens,)
    kinds: Kinds  # (tokens,)
    positions: Positions  # (tokens,) within the document
    lengths: npt.NDArray[np.int32]  # (documents,) the padding counts as the last document
    problems: tuple[str, ...] = ()  # tasks left out because their family raised


class DocumentEncoder:
    """Token ids of a task's prompt and program, the same as the chat template's, but 100× faster.

    The fixed texts are encoded once, a grid is looked up cell by cell.
    """

    def __init__(self, tokenizer: Any, template: PromptTemplate | None = None) -> None:
        self.template = template or PromptTemplate.load("arcbench")
        self.tokenizer = tokenizer
        form = self.template.grid
        self._cells = np.array(
            [[self._one(lead + word) for word in form.colors] for lead in ("", form.cell)],
            dtype=np.int16,
        )  # (2, 10): the first cell of a row, any other cell
        self._row = self._one(form.row)
        pieces = template_pieces(self.template)
        self._piece = {text: self._ids(text) for text in pieces}
        self._user = self._ids("<|user|>" + self.template.intro)
        self._start = self._ids(tokenizer.bos_token)
        if self.template.system:
            self._start = self._ids(tokenizer.bos_token + "<|system|>" + self.template.system)
        self._answer = self._ids("<|assistant|>" + self.template.assistant)

    def _ids(self, text: str) -> Ids:
        encoded = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return np.array(encoded, dtype=np.int16)

    def _one(self, text: str) -> int:
        ids = self._ids(text)
        if len(ids) != 1:
            raise ValueError(f"{text!r} must be one token for fast encoding, not {len(ids)}")
        return int(ids[0])

    def grid(self, grid: Grid) -> Ids:
        """Ids of a grid as the template writes it."""
        rows, columns = grid.shape
        out = np.empty((rows, columns + 1), dtype=np.int16)
        out[:, 0] = self._cells[0][grid[:, 0]]
        out[:, 1:-1] = self._cells[1][grid[:, 1:]]
        out[:, -1] = self._row
        return out.reshape(-1)[:-1]

    def _fixed(self, text: str) -> Ids:
        if text not in self._piece:
            self._piece[text] = self._ids(text)
        return self._piece[text]

    def document(self, item: SynthTask, test_index: int = 0) -> Document:
        """Prompt, program and eos; loss on the program and on outputs after the first pair."""
        template = self.template
        head, rest = template.example.split("{input}")
        middle, tail = rest.split("{output}")
        before, after = template.test.split("{input}")
        parts: list[Ids] = [self._start, self._user]
        kinds = [NO_LOSS, NO_LOSS]
        joint_parts: list[int] = []
        for i, pair in enumerate(item.task.train):
            assert pair.output is not None
            first = head.replace("{index}", str(template.first_index + i))
            joint_parts += [len(parts)] if i else []
            parts += [self._fixed(first if i == 0 else tail + template.between + first)]
            parts += [self.grid(pair.input), self._fixed(middle), self.grid(pair.output)]
            kinds += [NO_LOSS, NO_LOSS, NO_LOSS, GRID_LOSS if i else NO_LOSS]
        joint_parts.append(len(parts))
        parts += [self._fixed(tail + before), self.grid(item.task.test[test_index].input)]
        parts += [self._fixed(after + template.request), self._answer]
        kinds += [NO_LOSS] * 4
        parts.append(self._ids(template.completion(item.code) + self.tokenizer.eos_token))
        kinds.append(PROGRAM_LOSS)
        sizes = [len(part) for part in parts]
        starts = np.cumsum([0, *sizes])
        return Document(
            ids=np.concatenate(parts),
            kinds=np.repeat(np.array(kinds, dtype=np.uint8), sizes),
            joints=tuple(int(starts[part]) for part in joint_parts),
        )


def make_pack(
    encoder: DocumentEncoder, seed: int, number: int, tokens: int, config: SynthConfig = DEFAULT
) -> Pack:
    """Pack `number` of the stream `seed`: whole documents, at most `tokens` tokens.

    A task that looks like another one of the pack is left out, whatever its colours.

    A family that raises on one draw in a million must not end a run of millions: such a task is
    left out and reported in the pack. Raises RuntimeError if there are many.
    """
    ids = np.full(tokens, encoder.tokenizer.pad_token_id, dtype=np.int16)
    kinds = np.zeros(tokens, dtype=np.uint8)
    positions = np.arange(tokens, dtype=np.int16)
    lengths: list[int] = []
    problems: list[str] = []
    filled = 0
    recent = Recent(STRIDE)
    for index in range(number * STRIDE, (number + 1) * STRIDE):
        try:
            item = generate(seed, index, config)
        except Exception as error:
            problems.append(f"task ({seed}, {index}): {type(error).__name__}: {error}")
            if len(problems) > MAX_PROBLEMS:
                raise RuntimeError(
                    f"{len(problems)} tasks of one pack raised: {problems}"
                ) from error
            continue
        if not recent.is_new(canonical_digest(item.task)):
            continue
        document = encoder.document(item)
        size = len(document.ids)
        if size > tokens - filled:
            if lengths:
                break
            continue  # longer than a whole pack, which only packs made for tests are
        ids[filled : filled + size] = document.ids
        kinds[filled : filled + size] = document.kinds
        rng = np.random.default_rng([seed, index, 1])
        positions[filled : filled + size] = document.positions(rng)
        lengths.append(size)
        filled += size
    if filled < tokens:
        lengths.append(tokens - filled)
    return Pack(
        number=number,
        ids=ids,
        kinds=kinds,
        positions=positions,
        lengths=np.array(lengths, dtype=np.int32),
        problems=tuple(problems),
    )


def _work(
    folder: str, seed: int, tokens: int, config: SynthConfig, first: int, step: int, out: Any
) -> None:
    end_with_parent()
    encoder = DocumentEncoder(load_tokenizer(Path(folder)))
    number = first
    while True:
        out.put(make_pack(encoder, seed, number, tokens, config))
        number += step


class PackStream:
    """Packs `first`, `first` + 1, … made by worker processes; `workers=0` makes them here."""

    def __init__(
        self,
        *,
        tokenizer_folder: Path,
        seed: int,
        tokens: int,
        first: int,
        workers: int,
        config: SynthConfig = DEFAULT,
    ) -> None:
        self._tokenizer_folder = tokenizer_folder
        self._seed = seed
        self._tokens = tokens
        self._first = first
        self._config = config
        # Started from a clean interpreter: a fork of a process that holds a GPU is not sound.
        context = multiprocessing.get_context("spawn")
        self._queues = [context.Queue(maxsize=4) for _ in range(workers)]
        self._workers = [
            context.Process(
                target=_work,
                args=(str(tokenizer_folder), seed, tokens, config, first + i, workers, out),
                daemon=True,
            )
            for i, out in enumerate(self._queues)
        ]
        for worker in self._workers:
            worker.start()

    def __iter__(self) -> Iterator[Pack]:
        if not self._workers:
            encoder = DocumentEncoder(load_tokenizer(self._tokenizer_folder))
            number = self._first
            while True:
                yield make_pack(encoder, self._seed, number, self._tokens, self._config)
                number += 1
        turn = 0
        while True:
            yield self._next(turn % len(self._workers))
            turn += 1

    def _next(self, worker: int) -> Pack:
        while True:
            try:
                pack: Pack = self._queues[worker].get(timeout=5)
            except queue.Empty:
                code = self._workers[worker].exitcode
                if code is not None:
                    raise RuntimeError(f"a data worker ended with code {code}") from None
            else:
                return pack

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.terminate()
        for worker, out in zip(self._workers, self._queues, strict=True):
            worker.join()
            out.close()
            out.cancel_join_thread()
