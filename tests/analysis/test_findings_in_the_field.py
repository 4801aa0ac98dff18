"""`check` on schedules that people really use, and on mistakes that people really make: both are counted."""

from tlama_core import (
    Constant,
    Cosine,
    Exponential,
    Linear,
    PowerLaw,
    Sqrt,
    Step,
    Warmup,
    check,
)

PRETRAIN = Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 98_000)
WSD = Warmup(3e-4, 2_000) >> Constant.hold(78_000) >> Linear.to(0.0, 20_000)

# Name: schedule, updates of the run, and what it moves where that is no learning rate.
REAL = {
    "airbench94": (Linear(0.2, 1.0, 109) >> Linear.to(0.07, 367), 476),
    "alphafold2_openfold": (Warmup(1e-3, 1_000) >> Constant.hold(49_001) >> Step.every(9.5e-4, 0.95, 50_000), 300_000),
    "alphazero_chess": (Step(0.2, {100_000: 0.1, 300_000: 0.01, 500_000: 0.001}, 700_000), 700_000),
    "apertus_8b": (Warmup(1.1e-4, 1_000) >> Constant.hold(798_000) >> Sqrt.to(1.1e-5, 98_600), 897_600),
    "bert_base": (Warmup(1e-4, 10_000) >> Linear(0.99e-4, 0.0, 990_000), 1_000_000),
    "bloom_176b": (Warmup(6e-5, 183) >> Cosine.to(6e-6, 97_474) >> Constant.hold(), 107_400),
    "build_nanogpt": (Warmup(6e-4, 715) >> Cosine.to(6e-5, 18_358), 19_073),
    "chinchilla_70b": (Warmup(1e-4, 2_000) >> Cosine.to(1e-5, 931_000), 933_000),
    "cifar10_fast_dawn": (Linear(1e-3, 0.4, 490) >> Linear.to(0.0, 1_862), 2_352),
    "clip_vit_b32": (Warmup(5e-4, 2_000) >> Cosine.to(0.0, 388_625), 390_625),
    "convnext_tiny": (Linear(1e-6, 4e-3, 6_240) >> Cosine.to(1e-6, 87_360), 93_600),
    "d2z_linear": (Warmup(1.0, 1_000) >> Linear.to(0.0, 9_000), 10_000),
    "ddpm_cifar10": (Warmup(2e-4, 5_000) >> Constant.hold(), 800_000),
    "deepseek_llm_7b": (Warmup(4.2e-4, 2_000) >> Step(4.2e-4, {167_000: 0.316, 188_000: 0.1}, 210_000), 212_000),
    "deepseek_v2": (Warmup(2.4e-4, 2_000) >> Step(2.4e-4, {126_000: 0.316, 189_000: 0.0999}), 210_000),
    "deepseek_v3": (
        Warmup(2.2e-4, 2_000) >> Constant.hold(162_000) >> Cosine.to(2.2e-5, 69_000) >> Step(2.2e-5, {5_000: 0.33}, 8_000),
        241_000,
    ),
    "dino_teacher_momentum": (Cosine(0.996, 1.0, 250_200), 250_200, "momentum"),
    "dino_weight_decay": (Cosine(0.04, 0.4, 250_200), 250_200, "weight decay"),
    "edm2_img512": (Warmup(0.01, 4_883) >> Constant.hold(65_117) >> PowerLaw(0.01, timescale=70_000), 1_048_576),
    "fairseq_inverse_sqrt": (Linear(1e-7, 5e-4, 4_000) >> PowerLaw(5e-4, timescale=4_000), 300_000),
    "resnet_imagenet_90": (Step(0.1, {150_150: 0.1, 300_300: 0.01}, 450_450), 450_450),
    "fixmatch_cifar": (Cosine(0.03, 0.0, 1_198_372)[:1_048_576], 1_048_576),
    "glm_130b": (Linear(1e-7, 8e-5, 930) >> Cosine.to(8e-6, 185_070), 186_000),
    "goyal_imagenet_1h": (
        Linear(0.1, 3.2, 780) >> Step(3.2, {3_900: 0.1, 8_580: 0.01, 11_700: 0.001}, 13_260),
        14_040,
    ),
    "gpt3_175b": (Warmup(6e-5, 117) >> Cosine.to(6e-6, 81_133) >> Constant.hold(), 93_750),
    "gpt_neox_20b": (Warmup(9.7e-5, 1_500) >> Cosine.to(9.7e-6, 148_500), 150_000),
    "haegele_wsd": (Linear(1e-5, 1e-3, 300) >> Constant.hold(11_700) >> Sqrt.to(0.0, 3_000), 15_000),
    "kimi_k2": (Warmup(2e-4, 500) >> Constant.hold(149_000) >> Cosine.to(2e-5, 82_000), 231_500),
    "lingua_llama_1b": (Warmup(3e-3, 5_000) >> Cosine.to(3e-9, 55_000), 60_000),
    "llama2_70b": (Warmup(1.5e-4, 2_000) >> Cosine.to(1.5e-5, 498_000), 500_000),
    "llama3_405b": (Warmup(8e-5, 8_000) >> Cosine.to(8e-7, 1_192_000), 1_200_000),
    "mae_vit_large": (Warmup(2.4e-3, 12_480) >> Cosine.to(0.0, 237_120), 249_600),
    "noam_linear_tail": ((Constant(0.01, 10_000) >> PowerLaw(0.01, timescale=10_000))[:471_860] >> Linear.to(0.0, 52_428), 524_288),
    "minicpm_2.4b": (Warmup(0.01, 2_000) >> Constant.hold(252_453) >> Exponential.to(1e-3, 16_610), 271_063),
    "minimax_text_01": (
        Warmup(2e-4, 500) >> Step(2e-4, {225_000: 0.65}, 325_000) >> Exponential(1.3e-4, 3e-5, 31_000),
        356_500,
    ),
    "mipnerf": (Exponential(5e-4, 5e-6, 1_000_000) * (Cosine(0.01, 1.0, 2_500) >> Constant.hold()), 1_000_000),
    "moco_v3_r50": (Warmup(9.6, 3_120) >> Cosine.to(0.0, 28_080), 31_200),
    "modded_nanogpt": (Constant(0.0036, 3_650) >> Linear.to(0.0, 1_450), 5_100),
    "modernbert_base": (Warmup(8e-4, 600) >> Constant.hold(340_000) >> Step(3e-4, {}, 50_000) >> Sqrt.to(0.0, 10_000), 400_600),
    "moonlight_16b": (
        Warmup(4.2e-4, 2_000) >> Cosine.to(4.2e-5, 310_000) >> Linear.to(1e-4, 100) >> Linear.to(0.0, 30_000),
        342_100,
    ),
    "mpt_7b": (Warmup(1.2e-4, 100) >> Cosine.to(1.2e-5, 63_800), 63_900),
    "nanochat": (Warmup(1.0, 40) >> Constant.hold(1_710) >> Linear.to(0.05, 3_250), 5_000),
    "nanochat_momentum": (Linear(0.85, 0.97, 400) >> Constant.hold(1_350) >> Linear.to(0.9, 3_250), 5_000, "momentum"),
    "nanogpt_gpt2": (Warmup(6e-4, 2_001)[:2_000] >> Cosine.to(6e-5, 598_000), 600_000),
    "noam_transformer": (Warmup(6.99e-4, 4_000) >> PowerLaw(6.99e-4, timescale=4_000), 100_000),
    "olmo1_7b": (Linear(3e-5, 3e-4, 5_000) >> Linear.to(3e-5, 471_838), 476_838),
    "olmo2_7b_stage1": ((Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 1_190_093))[:928_646], 928_646),
    "olmo2_stage2_anneal": (Linear(6.15e-5, 0.0, 11_921), 11_921),
    "olmo_linear_envelope": (Cosine(1.0, 0.0, 1_100) * Linear(1.0, 0.0, 1_100) + 0.1, 1_100),
    "palm_540b": (Constant(0.01, 10_000) >> PowerLaw(0.01, timescale=10_000), 255_000),
    "ppo_atari": (Linear(2.5e-4, 0.0, 9_765), 9_765),
    "pythia_6.9b": (Warmup(1.2e-4, 1_430) >> Cosine.to(1.2e-5, 141_570), 143_000),
    "resnet_cifar": (Step(0.1, {32_000: 0.1, 48_000: 0.01}, 64_000), 64_000),
    "roberta_base": (Warmup(5e-4, 10_000) >> Linear.to(0.0, 115_000), 125_000),
    "sgdr_wrn": (Cosine(0.05, 0.0, 3_910).repeat(growth=2), 78_200),
    "smollm3_3b": (Warmup(2e-4, 2_000) >> Constant.hold(4_196_001) >> Linear.to(0.0, 521_999), 4_720_000),
    "stable_diffusion_v1": (Linear(1e-10, 1e-4, 10_000) >> Constant.hold(), 470_000),
    "stablelm2_hybrid": (
        Warmup(1e-3, 9_720) >> Cosine(1e-3, 1e-4, 270_000)[:135_000] >> PowerLaw(5.5e-4, timescale=90_000),
        540_000,
    ),
    "swin_tiny": (Linear(1e-6, 1e-3, 25_020) >> Cosine.to(1e-5, 350_280), 375_300),
    "tinyllama_1.1b": (Warmup(4e-4, 2_000) >> Cosine.to(4e-5, 1_428_512), 1_430_512),
    "torchtitan_llama3": (Warmup(3e-4, 200) >> Linear.to(0.0, 801), 1_001),
    "ulmfit_slanted": (Linear(0.01 / 32, 0.01, 100) >> Linear.to(0.01 / 32, 900), 1_000),
    "vit_g_jft": (
        Linear(1.0, 0.0, 1_000_000).clamp(high=0.05) * (Warmup(0.016, 10_000) >> PowerLaw(0.016, timescale=10_000)),
        1_000_000,
    ),
    "wav2vec2_tri_stage": (Linear(3e-7, 3e-5, 8_000) >> Constant.hold(32_000) >> Exponential.to(1.5e-6, 40_000), 80_000),
    "small: 500 updates, a warmup of 10": (Warmup(0.1, 10) >> Cosine.to(0.0, 490), None),
    "a weight decay that starts at 0": (Linear(0.0, 0.1, 10_000) >> Constant.hold(), 50_000, "weight decay"),
    "a trial of the program": (PRETRAIN, 200),
}  # fmt: skip

MISTAKES = {
    "a factor for the first phase alone": (0.5 * Warmup(3e-4, 2_000) >> Cosine(3e-4, 3e-5, 98_000), 100_000),
    "the same, open": (0.5 * Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 98_000), 100_000),
    "a sum before >>": (Warmup(3e-4, 2_000) + Constant(1e-5, 2_000) >> Cosine.to(3e-5, 98_000), 100_000),
    "a scaled sum before >>": (2 * (Warmup(3e-4, 2_000) + 1e-5) >> Cosine.to(3e-5, 98_000), None),
    "a product before >>": (Warmup(1.0, 2_000) * Constant(3e-4, 2_000) >> Cosine.to(3e-5, 98_000), 100_000),
    "a floor added to the first phase": (1e-5 + Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 98_000), 100_000),
    "a negative first phase": (-Warmup(3e-4, 2_000) >> Cosine(3e-4, 3e-5, 98_000), 100_000),
    "arguments of a warmup swapped": (Warmup(2_000, 1) >> Cosine.to(3e-5, 98_000), 100_000),
    "arguments of a constant swapped": (Constant(1_000, 1) >> Cosine(3e-4, 3e-5, 98_000), 100_000),
    "a peak of 30": (Warmup(30.0, 2_000) >> Cosine.to(3e-5, 98_000), 100_000),
    "torch's order": (Cosine(0.1, 100, 0), None),
    "torch's order with little": (Linear(0.1, 5, 0), None),
    "the length first": (Linear(98_000, 3e-4, 0), None),
    "a chain of swapped phases": (Warmup(1e-3, 500) >> Cosine(1e-3, 90_000, 1), 90_500),
    "a batch for a rate": (Constant(256.0), 1_000),
    "absolute factors that repeat": (Step(0.1, {30_000: 0.1, 60_000: 0.1}, 90_000), 90_000),
    "absolute factors that repeat, endless": (Step(0.1, {30_000: 0.5, 60_000: 0.5, 80_000: 0.5}), 90_000),
    "a factor of 1": (Warmup(0.1, 500) >> Step(0.1, {30_000: 1.0, 60_000: 0.1}, 89_500), 90_000),
    "epochs in a cosine": (Cosine(0.1, 0.0, 90), None),
    "epochs in a staircase": (Step(0.1, {30: 0.1, 60: 0.01}, 90), None),
    "epochs in an endless staircase": (Step(0.1, {30: 0.1, 60: 0.01}), 450_000),
    "epochs in a chain": (Warmup(0.1, 5) >> Cosine.to(0.0, 85), None),
    "epochs in a run of updates": (Warmup(0.1, 5) >> Cosine.to(0.0, 85), 112_590),
    "epochs in cycles": (Constant(0.1, 30).repeat(gain=0.1), 450_000),
    "epochs, each with a factor": (Step.every(0.1, 0.1, 1), 90_000),
    "epochs, 350 of them": (Warmup(0.128, 5) >> Exponential.to(1e-3, 345), None),
    "half of the run at 0": (Warmup(1e-3, 500) >> Cosine.to(0.0, 20_000) >> Constant.hold(29_500), 50_000),
    "most of the run at 0": (Step(0.1, {10_000: 0.0}), 50_000),
    "nothing at first": (Constant(0.0, 30_000) >> Linear(0.0, 1e-3, 10_000) >> Linear.to(0.0, 10_000), 50_000),
    "a product with what has ended": (Cosine(1e-3, 0.0, 10_000) * Constant(1.0, 50_000), 50_000),
    "a second warmup at the end": (Warmup(3e-4, 500) >> Cosine.to(0.0, 9_500) >> Warmup(3e-4, 500), 10_500),
    "start and end swapped": (Warmup(3e-4, 500) >> Cosine.to(3e-5, 5_000) >> Linear(3e-5, 3e-4, 4_500), 10_000),
    "two warmups multiplied": (Warmup(1.0, 2_000) * (Warmup(3e-4, 2_000) >> Cosine.to(0.0, 98_000)), 100_000),
    "two bare warmups multiplied": (Warmup(1.0, 500) * Warmup(3e-4, 2_000), 100_000),
    "timescale 1": (Warmup(1e-3, 4_000) >> PowerLaw(1e-3, timescale=1), 100_000),
    "timescale of another run": (Warmup(1e-3, 10_000) >> PowerLaw(1e-3, timescale=400), 100_000),
    "peaks that differ": (Warmup(3e-4, 2_000) >> Cosine(3e-3, 3e-5, 98_000), 100_000),
    "a hold that drops": (Warmup(3e-4, 2_000) >> Constant(3e-5, 78_000) >> Linear.to(0.0, 20_000), 100_000),
    "below 0": (Linear(1e-3, -1e-4, 10_000), 10_000),
    "past every float": (1e300 * Linear(1e9, 0.0, 10_000), 10_000),
    "a first update of 0": (Linear(0.0, 3e-4, 2_000) >> Cosine.to(3e-5, 98_000), 100_000),
    "a warmup of all updates": (Warmup(3e-4, 80_000) >> Cosine.to(3e-5, 20_000), 100_000),
    "the total after the warmup": (Warmup(3e-4, 2_000) >> Cosine.to(3e-5, 100_000), 100_000),
    "a plan that ends too early": (PRETRAIN, 150_000),
    "a cooldown that is not reached": (WSD, 60_000),
    "a run that ends early": (PRETRAIN, 60_000),
    "tokens in a run of updates": (Warmup(3e-4, 10**9) >> Cosine.to(3e-5, 10**11), 100_000),
    "factors that were meant as rates": (Step(0.1, {30_000: 0.01, 60_000: 0.001}, 90_000), 90_000),
    "no decay": (Warmup(3e-4, 2_000) >> Cosine.to(3e-4, 98_000), 100_000),
}  # fmt: skip


def found_in(schedule, steps, quantity="lr"):
    return check(schedule, steps, quantity=quantity)


def test_what_people_use_is_seldom_a_finding():
    alarms = {name: found_in(*case) for name, case in REAL.items() if found_in(*case)}
    assert len(REAL) == 67
    assert set(alarms) == {"alphafold2_openfold", "bert_base", "modernbert_base"}  # which do jump, on purpose


def test_what_people_get_wrong_is_seldom_missed():
    missed = {name for name, case in MISTAKES.items() if not found_in(*case)}
    assert len(MISTAKES) == 49
    assert missed == {"factors that were meant as rates", "no decay"}
