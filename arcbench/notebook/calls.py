"""The calls of `Workbench` that notebooks make beside those of the app."""

from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from arcbench.judge import Attempt, Judge
from arcbench.lengths import ALL, Lengths, named_splits, task_lengths
from arcbench.notebook.diary import log_entry
from arcbench.notebook.run_calls import RunCalls
from arcbench.policies.base import Completion, Policy, SamplingConfig
from arcbench.prompts import PromptTemplate
from arcbench.rewards import RewardBreakdown, RewardScheme, scheme
from arcbench.rollouts import Rollout
from arcbench.sandbox import Limits, SandboxPool
from arcbench.tasks import Task, TaskSet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from arcbench.preflight import PreflightFinding
    from arcbench.training.check_sync import ServerSync
    from arcbench.training.serving import Kind, Server

DIARY = "LOG.md"


class _Bench(Protocol):
    """What they need of the workbench."""

    runs_root: Path
    template: PromptTemplate
    reward: RewardScheme

    def tasks(self, dataset: str = ..., split: str | None = ...) -> TaskSet: ...
    def sample(
        self, policy: str | Policy, task: Task, config: SamplingConfig | None = ...
    ) -> Iterator[tuple[int, Rollout]]: ...


class NotebookCalls(RunCalls):
    """Prompt lengths, a server and its check, rewards anew, the diary."""

    def prompt_lengths(
        self: _Bench, tokenizer: str = "embedded", dataset: str = ALL, split: str | None = None
    ) -> dict[str, Lengths]:
        """The length of every prompt, by data set and split: "arc-agi-1/training" and so on.

        `tokenizer` is that of a policy, or "llama-3". "all" stands for every data set that is
        known by name. It loads the tokenizer's libraries into this process.
        """
        from arcbench.policies import load_tokenizer

        chat = load_tokenizer(tokenizer)
        found = {}
        for name, part in named_splits(dataset, split):
            tasks = self.tasks(name, part)
            label = tasks.name
            found[label] = task_lengths(
                tasks.values(), self.template, chat.count_tokens, dataset=label
            )
        return found

    def start_server(
        self: _Bench, policy: str = "embedded", *, kind: "Kind | None" = None, **settings: Any
    ) -> "Server":
        """Start a server that samples the policy, and wait until it answers; its `url` is a policy.

        Without `kind` it is vLLM where that is installed, and else arcbench's own small server.
        `settings` are those of `ServerConfig`. It ends by its `stop`, or with this process.
        UserError, with the end of its log, where it does not come up.
        """
        from arcbench.training.serving import Server, ServerConfig

        chosen = kind or ("vllm" if find_spec("vllm") else "transformers")
        config = ServerConfig(model=policy, kind=chosen, **{"port": 0, **settings})
        server = Server(config, self.runs_root / "serve" / f"{chosen}.log")
        server.start()
        return server

    def check_sync(
        self, *urls: str, policy: str = "embedded", checks: int = 0, rank: int = 16
    ) -> "list[ServerSync]":
        """Change an adapter here and see whether each server follows; then put it back.

        `checks` more follow, each after a step of the weights as in training. It loads torch and
        the policy into this process.
        """
        from arcbench.training.check_sync import check_sync

        return check_sync(urls, policy=policy, checks=checks, rank=rank)

    def check_prompts(
        self: _Bench, policy: str, task: Task, *, server: str | None = None
    ) -> "list[PreflightFinding]":
        """Whether the policy's tokenizer and its chat template keep a prompt whole.

        Padding that is not the end of an answer, every message in the text, text → tokens → text;
        and with the address of a `server`, whether it makes as many tokens of the prompt as the
        tokenizer here. It loads the tokenizer's libraries into this process.
        """
        from arcbench import preflight
        from arcbench.policies import load_policy, model_path
        from arcbench.policies.chat import ChatTokenizer
        from arcbench.policies.padding import model_facts

        source = model_path(policy)
        stop_ids, rows = model_facts(source)
        chat = ChatTokenizer.load(source)
        messages = self.template.messages(task)
        findings = [
            preflight.check_padding(chat.tokenizer, stop_ids=stop_ids, rows=rows, source=source),
            *preflight.check_chat(chat, messages, template=self.template.name),
        ]
        if server is not None:
            here, there = chat.count_tokens(messages), load_policy(server).count_tokens(messages)
            told = f"the prompt has {here:,} tokens here and {there:,} in the server"
            advice = "serve the same model with the same chat template"
            same = preflight.ok("server", told)
            findings.append(same if here == there else preflight.error("server", told, advice))
        return findings

    def sample_group(
        self: _Bench,
        policy: str,
        task: Task,
        n: int,
        *,
        max_new_tokens: int = 256,
        temperature: float = 0.8,
        seed: int = 0,
    ) -> list[Rollout]:
        """`n` completions of a task, judged, in the order of their numbers."""
        config = SamplingConfig(
            n=n, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed
        )
        found = dict(self.sample(policy, task, config))
        return [found[i] for i in sorted(found)]

    def judge_programs(
        self: _Bench, task: Task, programs: Mapping[str, str], *, timeout_s: float = 5.0
    ) -> dict[str, Rollout]:
        """Run and score programs by name, all with that deadline, in a sandbox of their own."""
        attempts = [
            Attempt(task=task, completion=Completion(text=self.template.completion(code)))
            for code in programs.values()
        ]
        with SandboxPool(limits=Limits(timeout_s=timeout_s)) as pool:
            judged = Judge(pool=pool, scheme=self.reward).judge(attempts)
        return dict(zip(programs, judged, strict=True))

    def rewards_of(
        self, rollout: Rollout, schemes: Iterable[str | RewardScheme]
    ) -> dict[str, RewardBreakdown]:
        """What each scheme pays for a completion that has been run; it does not run again."""
        chosen = [scheme(s) if isinstance(s, str) else s for s in schemes]
        return {
            s.name: s.reward(
                has_code=rollout.execution.outcome.has_code,
                score=rollout.score,
                code_chars=len(rollout.code or ""),
            )
            for s in chosen
        }

    def log(
        self: _Bench,
        question: str,
        *,
        conclusion: str,
        config: Mapping[str, Any] | Any = None,
        figure: "Figure | str | Path | None" = None,
        file: str | Path | None = None,
    ) -> Path:
        """Add question, settings, figure and conclusion to the diary; returns its path.

        The diary is `LOG.md` in the folder of the runs where no `file` is given. Its form, and what
        `config` and `figure` may be, are told by `arcbench.notebook.diary`.
        """
        target = self.runs_root / DIARY if file is None else Path(file)
        return log_entry(target, question, conclusion=conclusion, config=config, figure=figure)
