"""The numbers that were chosen, in one place: a dataclass, and one instance of it per profile. What is part of a loss or of the noise stands there."""

from dataclasses import asdict, dataclass, field, fields, replace


@dataclass(frozen=True)
class Shape:
    """A BERT. With `layers` 0 it is the static baseline: the mean of word vectors, without positions."""

    layers: int = 4
    hidden: int = 256
    heads: int = 4
    wide: int = 1024
    positions: int = 128


@dataclass(frozen=True)
class Budget:
    """
    A training stage ends after `steps` steps or `seconds` of work, whichever comes first; the learning rate follows whichever is further.
    Without seconds the run repeats itself to the bit; they keep a slow machine inside its hours. Only seconds that are in
    a checkpoint count, so a run that was killed does again what it lost.
    """

    steps: int
    seconds: float | None
    rate: float  # peak learning rate of AdamW
    warm: float = 0.05  # share of the budget with a rising rate
    muon: float = 0.02  # peak learning rate of Muon, where a stage has it


Shares = tuple[tuple[str, float], ...]  # what is drawn how often


@dataclass(frozen=True)
class Profile:
    name: str
    # data
    reviews: int = 553_369  # of NSMC, which has as many; the rest of the text is 480,000
    documents: int = 20_000  # lines of each file of technical documentation
    slice_sizes: tuple[tuple[str, int], ...] = (("klue", 500), ("kor", 500))  # pairs cut from train to choose by
    slice_groups: float = 0.15  # share of paraKQC groups kept apart for the slice
    composed: int | None = None  # groups of composed/; None: all
    titles_kept: int = 5_000  # YNAT titles the probe is tested on
    vocabulary: int = 16_000
    alphabet: int = 3_000
    # models
    shape: Shape = Shape()
    first: Shape | None = None  # masked language modelling begins with this smaller one, and the model grows out of it
    dropout: float = 0.1
    longest: int = 64  # tokens of a text in every stage but masked language modelling
    dims: tuple[int, ...] = (256, 128, 64)
    dim_weights: tuple[float, ...] = (1.0, 0.5, 0.25)
    # masked language modelling
    mlm: Budget = Budget(10_000, 5_600, 3e-3, 0.02)
    first_mlm: Budget = Budget(10_000, None, 3e-3, 0.02)  # where there is a first shape
    mlm_tokens: int = 4_096  # in a batch
    mlm_dropout: float = 0.0
    mask_rate: tuple[float, float] = (0.3, 0.15)  # at the first step and at the last of the budget, linear between (Ankner et al. 2023)
    bag_mlm: float = 0.5  # weight of the loss on which words a sequence has
    bag: float = 0.1  # of the same in the stages after it
    frequent: float = 0.002  # tokens with a larger share of the text are masked half as often
    window: int = 8  # of the co-occurrence counts the word vectors start from
    # contrastive
    contrast: Budget = Budget(1_500, 1_500, 4e-4)
    contrast_batch: int = 128
    contrast_scale: float = 20.0
    mix: Shares = (
        ("nli", 20), ("negation", 12), ("document", 10), ("noisy", 10), ("stylekqc", 9), ("news", 8), ("sts", 8), ("question", 7), ("sae4k", 7),
        ("parakqc", 5), ("title", 3), ("tatoeba", 1),
    )  # shares of the steps; a batch is of one source
    topic_share: float = 0.3  # of the contrastive batches that add news titles, which their topics draw together
    topic_weight: float = 0.5
    # cross-encoder, and what it labels; None: no augmented SBERT
    cross: Budget | None = None
    cross_batch: int = 64
    mined_texts: int = 40_000
    mined_pairs: int = 30_000
    silver: Budget | None = None
    # ranking
    rank: Budget = Budget(1_200, 1_000, 4e-4)
    rank_batch: int = 64
    rank_scale: float = 20.0
    # Shares of the steps by set of pairs; long: sentences and their negations, which stay near.
    gold: Shares = (("klue", 0.5), ("kor", 0.28), ("composed", 0.1), ("long", 0.12))
    with_silver: Shares = (("silver", 0.6), ("klue", 0.2), ("kor", 0.1), ("composed", 0.05), ("long", 0.05))
    anchor: float = 4.0  # weight of (cosine - score)^2, which spreads the cosines
    composed_scores: Shares = (("same", 0.9), ("detail", 0.6), ("topic", 0.25))
    rename: Shares = (("kor", 0.5),)  # share of a set's pairs in which a word that both have becomes another
    contrast_share: float = 0.3  # of the steps that add a contrastive batch
    negation_share: float = 0.4  # of the steps that add sentences and their negations
    negation_composed: float = 0.5  # share of those that are of composed/
    negation_longest: int = 20  # characters of a sentence that is negated, and of its paraphrase
    negation_long: tuple[int, int] = (32, 60)  # characters of a sentence that stays near its negation
    negation_near: float = 0.8  # what their cosine is drawn to
    negation_weight: float = 2.0
    negation_score: float = 0.7  # what the cosine of a sentence and its negation is drawn to at most
    negation_margin: float = 0.15  # by how much a paraphrase is to be nearer
    # distillation: what the model and its siblings think together
    siblings: int = 0  # 0: no distillation
    distil: Budget = Budget(1_500, None, 2e-4)
    distil_batch: int = 128
    # last: with the engine's whole numbers
    finish: Budget = Budget(120, 150, 4e-5)
    calibrate_every: int = 25  # steps
    static: Budget = Budget(400, 60, 3e-3)
    # machine: MACHINE below names these
    threads: int = 2
    workers: int = 0  # processes that make the batches to come; 0: they are made when they are needed
    device: str = "cpu"
    autocast: bool = True  # bfloat16, where the machine has it
    compile: bool = True  # where it works
    save_seconds: float = 90.0  # between checkpoints
    without: tuple[str, ...] = field(default=())  # stages and sources left out, for ablations

    def describe(self) -> dict:
        return asdict(self)


# What a run may go on with other values of: they say how it is computed, not what.
MACHINE = ("threads", "workers", "device", "autocast", "compile", "save_seconds")

CPU = Profile(name="cpu")

GPU = Profile(
    name="gpu",
    device="cuda",
    threads=4,
    workers=4,
    compile=False,  # batches have a hundred different shapes, and it compiles for many of them
    shape=Shape(layers=6),
    mlm=Budget(5_500, 240, 2e-3, 0.02),
    mlm_tokens=65_536,
    contrast=Budget(3_500, None, 4e-4),
    rank=Budget(1_800, None, 4e-4),
    siblings=2,
    finish=Budget(120, None, 4e-5),
    static=Budget(400, None, 3e-3),
)

# Two cores and a night: twice the masked language modelling, the second half with two more layers and at half the rates. No
# budget in seconds.
NIGHT = Profile(
    name="night",
    shape=Shape(layers=6),
    first=Shape(),
    mlm=Budget(10_000, None, 1.5e-3, 0.02, 0.01),
    contrast=Budget(3_000, None, 4e-4),
    rank=Budget(1_800, None, 4e-4),
    finish=Budget(120, None, 4e-5),
    static=Budget(400, None, 3e-3),
)

# Seconds on any machine: for the tests. No budget in seconds, so that every run gives the same bytes.
TINY = Profile(
    name="tiny",
    reviews=50,
    documents=50,
    composed=60,
    slice_sizes=(("klue", 5), ("kor", 5)),
    titles_kept=10,
    vocabulary=600,
    alphabet=400,
    shape=Shape(layers=2, hidden=32, heads=2, wide=64, positions=64),
    longest=32,
    first=Shape(layers=1, hidden=32, heads=2, wide=64, positions=64),
    first_mlm=Budget(6, None, 3e-3),
    dims=(32, 16),
    dim_weights=(1.0, 0.5),
    mlm=Budget(12, None, 3e-3),
    mlm_tokens=256,
    contrast=Budget(10, None, 4e-4),
    contrast_batch=8,
    cross=Budget(6, None, 3e-4),
    cross_batch=8,
    mined_texts=100,
    mined_pairs=60,
    silver=Budget(6, None, 2e-4),
    rank=Budget(6, None, 2e-4),
    rank_batch=8,
    contrast_share=0.5,
    negation_share=0.5,
    negation_longest=24,
    negation_long=(25, 25),
    finish=Budget(4, None, 4e-5),
    calibrate_every=2,
    distil=Budget(4, None, 3e-4),
    distil_batch=8,
    siblings=1,
    static=Budget(4, None, 1e-2),
    threads=1,
    autocast=False,
    compile=False,
    save_seconds=0.0,
)

PROFILES = {profile.name: profile for profile in (CPU, NIGHT, GPU, TINY)}


def profile_of(name: str, without: tuple[str, ...] = (), slices: bool = True, device: str | None = None, seconds: bool = True) -> Profile:
    """
    `slices`: whether some of train is kept to choose by. Once everything is chosen, the run that ships may train on it too.
    `device`: "cpu" or "cuda", where it is not the profile's own.
    `seconds`: whether stages end after their seconds, too. Where only steps count, every machine does the same work, a slow one for longer.
    """
    profile = replace(PROFILES[name], without=tuple(sorted(without)))
    if not seconds:
        budgets = {f.name: getattr(profile, f.name) for f in fields(profile)}
        profile = replace(profile, **{name: replace(budget, seconds=None) for name, budget in budgets.items() if isinstance(budget, Budget)})
    if device not in (None, profile.device):
        profile = replace(profile, **{name: getattr(GPU if device == "cuda" else CPU, name) for name in MACHINE})
    none = tuple((name, 0) for name, _ in profile.slice_sizes)
    return profile if slices else replace(profile, slice_sizes=none, slice_groups=0.0)
