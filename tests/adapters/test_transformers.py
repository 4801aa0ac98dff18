"""The mixin for Trainers: its optimizer and groups stay, and every update uses what the schedules say."""

import json
import logging
import re

import pytest

from tlama_core import Constant, Cosine, Function, Linear, ParseError, Warmup, to_dict

TEXT = "Warmup(peak, steps=0.25*total) >> Linear.to(0, steps=0.75*total)"
DECAY = Linear(0.1, 0.0, steps=12)
SETTINGS = {
    "max_steps": 12, "learning_rate": 1e-3, "weight_decay": 0.1, "per_device_train_batch_size": 2,
    "logging_steps": 1, "save_steps": 4, "report_to": "none", "use_cpu": True, "disable_tqdm": True,
    "dataloader_pin_memory": False,
}  # fmt: skip


def schedule(total):
    return Warmup(1e-3, steps=total // 4) >> Linear.to(0.0, steps=total - total // 4)


@pytest.fixture(scope="module")
def kit(torch, transformers, accelerate):
    """What a run needs: the classes of Trainers, one scheduled, and a model with a norm and a bias."""
    from tlama_core.adapters.transformers import ScheduledTrainerMixin

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.line, self.norm = torch.nn.Linear(2, 2), torch.nn.LayerNorm(2)

        def forward(self, x):
            return {"loss": self.norm(self.line(x)).square().mean()}

    class Notes(transformers.TrainerCallback):
        def __init__(self):
            self.used = []

        def on_pre_optimizer_step(self, *_, optimizer, **__):
            decays = [group["weight_decay"] for group in optimizer.param_groups]
            self.used.append((optimizer.param_groups[0]["lr"], *decays))

    class Scheduled(ScheduledTrainerMixin, transformers.Trainer):
        pass

    class Kit:
        model, mixin, trainer = Model, ScheduledTrainerMixin, transformers.Trainer

        def __init__(self, folder):
            self.folder = folder

        def build(self, schedules=None, kind=Scheduled, model=None, optimizers=(None, None), **settings):
            self.notes = Notes()
            given = {} if schedules is None else {"schedules": schedules}
            rows = [{"x": torch.full((2,), float(i))} for i in range(8)]
            return kind(
                Model() if model is None else model,
                transformers.TrainingArguments(str(self.folder), **SETTINGS | settings),
                train_dataset=rows,
                callbacks=[self.notes],
                optimizers=optimizers,
                **given,
            )

        def checkpoint(self, update):
            return str(self.folder / f"checkpoint-{update}")

    return Kit


@pytest.fixture
def run(kit, tmp_path, capsys):
    return kit(tmp_path)


def logged(trainer):
    """Return the rates in a Trainer's log."""
    return [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]


@pytest.mark.parametrize("accumulated", [1, 4])
def test_every_update_uses_the_rates_of_its_number_whatever_it_accumulates(run, accumulated):
    trainer = run.build({"lr": TEXT, "weight_decay": DECAY}, gradient_accumulation_steps=accumulated)
    trainer.train()
    a = schedule(12)
    assert run.notes.used == [(a(k), DECAY(k), 0.0) for k in range(12)]
    assert logged(trainer) == list(a)


@pytest.mark.parametrize("write", [dict, json.dumps], ids=["dict", "json"])
def test_the_arguments_of_the_trainer_may_hold_the_schedules_as_texts(run, write):
    trainer = run.build(lr_scheduler_kwargs=write({"lr": TEXT, "weight_decay": to_dict(DECAY)}))
    trainer.train()
    assert run.notes.used == [(schedule(12)(k), DECAY(k), 0.0) for k in range(12)]


def test_total_is_what_epochs_and_data_make_of_it(run):
    """Four batches, accumulated to two updates an epoch."""
    trainer = run.build({"lr": TEXT}, max_steps=-1, num_train_epochs=4, gradient_accumulation_steps=2)
    trainer.train()
    assert logged(trainer) == list(schedule(8))


def test_names_of_the_users_own_come_besides_and_before(run):
    trainer = run.build({"lr": "Linear(peak, end, steps=total)", "names": {"end": 0.5, "peak": 1}})
    trainer.create_optimizer_and_scheduler(4)
    assert trainer.lr_scheduler.describe()["schedules"] == {"lr": "Linear(1.0, 0.5, steps=4)"}


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ({"weight_decay": 0.3}, [0.3, 0.0]),
        ({"weight_decay": [0.3, 0.2]}, [0.3, 0.2]),
        ({"weight_decay": 3, "relative": ["weight_decay"]}, [3 * 0.1, 0.0]),
        ({"weight_decay": "0.3"}, [0.3, 0.0]),
        ({"weight_decay": to_dict(Constant(0.3))}, [0.3, 0.0]),
        ({}, [0.1, 0.0]),
    ],
    ids=["one", "each", "relative", "text", "data", "none"],
)
def test_groups_without_weight_decay_stay_without(run, given, holds):
    trainer = run.build({"lr": "peak", **given})
    trainer.create_optimizer_and_scheduler(10)
    groups = trainer.optimizer.param_groups
    assert [group["weight_decay"] for group in groups] == holds
    assert [len(group["params"]) for group in groups] == [1, 3]


def test_named_groups_of_the_users_own_optimizer_get_their_own(run, torch):
    model = run.model()
    groups = [
        {"name": "line", "params": model.line.parameters()},
        {"name": "norm", "params": model.norm.parameters()},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.5)
    decays = {"line": 0.3, "norm": 0.2}
    trainer = run.build({"lr": "peak", "weight_decay": decays}, model=model, optimizers=(optimizer, None))
    trainer.create_optimizer_and_scheduler(10)
    assert trainer.optimizer is optimizer
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [
        (1e-3, 0.3),
        (1e-3, 0.2),
    ]


def test_groups_with_rates_of_their_own_keep_their_ratios(run, torch):
    model = run.model()
    groups = [{"params": model.line.parameters(), "lr": 0.5}, {"params": model.norm.parameters(), "lr": 0.25}]
    schedules = {"lr": "Linear(1, 0, steps=total)", "relative": ["lr"]}
    trainer = run.build(schedules, model=model, optimizers=(torch.optim.SGD(groups), None))
    trainer.create_optimizer_and_scheduler(10)
    trainer.optimizer.step()
    trainer.lr_scheduler.step()
    assert trainer.lr_scheduler.get_last_lr() == [0.5 * 0.9, 0.25 * 0.9]


def test_there_is_no_peak_where_rates_are_multiplied(run):
    """It would count twice: the optimizer has it already."""
    trainer = run.build({"lr": TEXT, "relative": ["lr"]})
    with pytest.raises(ParseError, match="in ScheduleLR.lr: unknown name peak"):
        trainer.create_optimizer_and_scheduler(12)


def test_groups_that_decay_by_numbers_of_their_own_are_not_made_alike(run, torch):
    model = run.model()
    groups = [{"params": model.line.parameters()}, {"params": model.norm.parameters(), "weight_decay": 0.01}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.1)
    trainer = run.build({"lr": "peak", "weight_decay": 0.3}, model=model, optimizers=(optimizer, None))
    message = "ScheduledTrainerMixin.schedules['weight_decay'] must be a list, or in relative, where param groups decay by numbers of their own, got [0.1, 0.01]"
    with pytest.raises(ValueError, match=re.escape(message)):
        trainer.create_optimizer_and_scheduler(12)


def test_names_that_are_no_mapping_are_refused_by_name(run):
    trainer = run.build({"lr": "peak", "names": "total"})
    with pytest.raises(TypeError, match=r"ScheduleLR\.names must be a mapping .*got 'total'"):
        trainer.create_optimizer_and_scheduler(10)


def test_a_given_optimizer_is_the_one_that_is_scheduled(run, torch):
    """As DeepSpeed gives it."""
    trainer = run.build({"lr": "2*peak"})
    optimizer = torch.optim.SGD(trainer.model.parameters())
    made = trainer.create_scheduler(10, optimizer=optimizer)
    assert (made.optimizer, optimizer.param_groups[0]["lr"]) == (optimizer, 2e-3)
    assert trainer.create_scheduler(num_training_steps=20) is made


def test_training_again_begins_again(run):
    trainer = run.build({"lr": TEXT, "weight_decay": DECAY})
    trainer.train()
    trainer.train()
    assert run.notes.used == 2 * [(schedule(12)(k), DECAY(k), 0.0) for k in range(12)]


def test_a_resumed_run_goes_on_with_the_groups_that_it_had(run):
    schedules = {"lr": TEXT, "weight_decay": DECAY}
    run.build(schedules).train()
    trainer = run.build(schedules)
    trainer.train(resume_from_checkpoint=run.checkpoint(4))
    assert run.notes.used == [(schedule(12)(k), DECAY(k), 0.0) for k in range(4, 12)]
    assert logged(trainer) == list(schedule(12))


def test_another_total_is_an_error_that_says_what_to_do(run):
    run.build({"lr": TEXT}).train()
    trainer = run.build({"lr": TEXT}, max_steps=24)
    with pytest.raises(ValueError, match="state with other schedules") as raised:
        trainer.train(resume_from_checkpoint=run.checkpoint(8))
    message = str(raised.value)
    assert "steps=9)\n      given Warmup(0.001, steps=6) >> Linear(0.001, 0.0, steps=18)" in message
    assert message.endswith(
        "\nIn a Trainer, `total` follows max_steps or num_train_epochs: where these changed, so did texts that"
        " use it; and on_change is said as {'lr': …, 'on_change': 'keep_new'}"
    )


@pytest.mark.parametrize(("keep", "total"), [("keep_new", 24), ("keep_old", 12)])
def test_another_total_goes_on_with_what_is_kept(run, caplog, keep, total):
    """A jump is said aloud, though the Trainer drops warnings."""
    run.build({"lr": TEXT}).train()
    trainer = run.build({"lr": TEXT, "on_change": keep}, max_steps=24)
    with caplog.at_level(logging.WARNING, "tlama_core"):
        trainer.train(resume_from_checkpoint=run.checkpoint(8))
    rates = [schedule(total)(k) for k in range(8, 24)]
    assert [used[0] for used in run.notes.used] == rates
    jumps = [text for text in caplog.messages if "which jump at clock 8:\n  lr: 0.000444444" in text]
    assert len(jumps) == (keep == "keep_new")


def test_a_checkpoint_of_another_scheduler_is_refused_as_such(run):
    run.build(kind=run.trainer).train()
    trainer = run.build({"lr": TEXT})
    with pytest.raises(ValueError, match=r"state given to ScheduleLR must be one [^\n]*items\)$"):
        trainer.train(resume_from_checkpoint=run.checkpoint(8))


def test_a_schedule_without_a_text_trains_too(run):
    trainer = run.build({"lr": Function(lambda k: 1 / (k + 1), steps=12)}, save_strategy="no")
    trainer.train()
    assert logged(trainer) == [1 / (k + 1) for k in range(12)]


@pytest.mark.parametrize(
    ("schedules", "settings", "error", "message"),
    [
        (None, {}, TypeError, 'ScheduledTrainerMixin.schedules must be schedules by hyper-parameter, as {"lr": "Warmup(peak, steps=0.1*total) >> …"}, got None'),
        (TEXT, {}, TypeError, "ScheduledTrainerMixin.schedules must be schedules by hyper-parameter"),
        ({"weight_decay": 0.1}, {}, ValueError, "ScheduledTrainerMixin.schedules must be a mapping with lr among others (\"peak\" keeps args.learning_rate), got {'weight_decay': 0.1}"),
        (None, {"lr_scheduler_kwargs": {"num_cycles": 2}}, ValueError, "TrainingArguments.lr_scheduler_kwargs must be a mapping with lr among others"),
        ({"lr": TEXT}, {"lr_scheduler_kwargs": {"lr": TEXT}}, ValueError, "TrainingArguments.lr_scheduler_kwargs must be left out beside schedules=…, which says the same, got {'lr'"),
        ({"lr": TEXT}, {"warmup_steps": 5}, ValueError, "TrainingArguments.warmup_steps must be left out beside schedules: the schedule of lr says all of it, got 5"),
        ({"lr": TEXT}, {"lr_scheduler_type": "cosine"}, ValueError, "TrainingArguments.lr_scheduler_type must be left out beside schedules: "),
        ({"lr": TEXT}, {"optimizers": (None, Cosine(1, 0, 10))}, ValueError, "Trainer.optimizers must be left out, or (optimizer, None): ScheduledTrainerMixin makes the scheduler, got Cosine(1.0, 0.0, steps=10)"),
    ],
    ids=["nothing", "text", "no-lr", "kwargs", "twice", "warmup", "type", "scheduler"],
)  # fmt: skip
def test_what_says_nothing_or_says_it_twice_is_refused_when_it_is_built(
    run, schedules, settings, error, message
):
    with pytest.raises(error, match=re.escape(message)):
        run.build(schedules, **settings)


@pytest.mark.parametrize("relative", [[], ["weight_decay"]])
def test_a_weight_decay_for_no_group_is_refused(run, relative):
    trainer = run.build({"lr": TEXT, "weight_decay": 0.1, "relative": relative}, weight_decay=0.0)
    message = "TrainingArguments.weight_decay must be another number than 0 where weight_decay has a schedule: it tells which param groups decay, and the schedule how much, got 0.0"
    with pytest.raises(ValueError, match=re.escape(message)):
        trainer.train()


def test_an_optimizer_without_weight_decay_is_told_by_its_own_name(run, torch):
    model = run.model()
    trainer = run.build(
        {"lr": TEXT, "weight_decay": 0.1},
        model=model,
        optimizers=(torch.optim.Rprop(model.parameters()), None),
    )
    with pytest.raises(
        ValueError,
        match=r"hyper-parameter of ScheduleLR must be one of those of the given AcceleratedOptimizer: .*got 'weight_decay'",
    ):
        trainer.train()


def test_what_was_given_is_left_as_it_was(run):
    given = {"lr": TEXT, "weight_decay": 0.1}
    trainer = run.build(given)
    trainer.create_optimizer_and_scheduler(12)
    assert given == {"lr": TEXT, "weight_decay": 0.1}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of trl and its parts
def test_a_trainer_of_trl_goes_by_schedules_too(kit, transformers, trl, tmp_path):
    """A tiny model of random weights is tuned on sentences of ten words, and resumed."""
    import datasets
    import tokenizers

    class Tuning(kit.mixin, trl.SFTTrainer):
        pass

    words = ["<eos>", *"abcdefghij"]
    split = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<eos>")
    )
    split.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    reader = transformers.PreTrainedTokenizerFast(
        tokenizer_object=split, eos_token="<eos>", pad_token="<eos>"
    )
    sizes = {"n_positions": 16, "n_embd": 8, "n_layer": 1, "n_head": 1, "bos_token_id": 0, "eos_token_id": 0}
    config = transformers.GPT2Config(vocab_size=len(words), **sizes)

    def tuned(checkpoint=None):
        trainer = Tuning(
            transformers.GPT2LMHeadModel(config),
            trl.SFTConfig(str(tmp_path), bf16=False, **SETTINGS),
            train_dataset=datasets.Dataset.from_dict({"text": 16 * ["a b c d e f g h i j"]}),
            processing_class=reader,
            schedules={"lr": TEXT, "weight_decay": DECAY},
        )
        trainer.train(resume_from_checkpoint=checkpoint)
        return trainer

    a = list(schedule(12))
    assert logged(tuned()) == a
    resumed = tuned(str(tmp_path / "checkpoint-4"))
    assert logged(resumed) == a
    assert json.loads(resumed.lr_scheduler.state_dict()["schedules"])["weight_decay"] == [
        repr(DECAY), "Constant(0.0)",
    ]  # fmt: skip
