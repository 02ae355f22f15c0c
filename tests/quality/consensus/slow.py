"""CROWDLAB and ActiveLab written out vote by vote from the formulas; and votes to try them on."""

import math

import numpy as np


def crowd(seed=0, samples=60, annotators=5, classes=4, rate=0.5, share=1.0):
    """Votes of annotators of different skill, and a model that is often right; `share` of the samples have votes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, samples)
    guesses = rng.integers(0, classes, (samples, annotators))
    votes = np.where(rng.random((samples, annotators)) < rng.uniform(0.3, 1, annotators), truth[:, None], guesses)
    votes[rng.random((samples, annotators)) > rate] = -1
    votes[rng.random(samples) > share] = -1
    odds = np.exp(rng.standard_normal((samples, classes)) + 2 * (np.arange(classes) == truth[:, None]))
    return votes, (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32), truth


def cast(votes):
    """Of each sample the (annotator, class) pairs."""
    return [[(who, int(what)) for who, what in enumerate(row) if what >= 0] for row in votes]


def majority(votes, probs):
    often = [sum(int(what) == c for row in votes for what in row) for c in range(len(probs[0]))]
    found = []
    for row, said in zip(cast(votes), probs, strict=True):
        count = [sum(what == c for _, what in row) for c in range(len(said))]
        found.append(max(range(len(said)), key=lambda c: (count[c], said[c], often[c], -c)) if row else -1)
    return found


def peers(votes):
    rows, shares = cast(votes), {}
    for who in range(votes.shape[1]):
        met = [what == other for row in rows for w, what in row if w == who for o, other in row if o != who]
        shares[who] = sum(met) / len(met) if met else None
    known = [share for share in shares.values() if share is not None]
    return [sum(known) / len(known) if share is None else share for share in shares.values()]


def weigh(votes, labels, probs):
    rows = cast(votes)
    several = [at for at, row in enumerate(rows) if len(row) > 1]
    known = [labels[at] for at in several]
    error = max(1 - max(known.count(c) for c in known) / len(known), 1e-6)
    people = [max(1 - (1 - share) / error, 1e-6) for share in peers(votes)]
    right = sum(sum(what == labels[at] for _, what in rows[at]) / len(rows[at]) for at in several) / len(several)
    missed = sum(probs[at].argmax() != labels[at] for at in several) / len(several)
    voted = [len(row) for row in rows if row]
    return people, max(1 - missed / error, 1e-6) * math.sqrt(sum(voted) / len(voted)), right


def posteriors(votes, people, model, right, probs):
    classes = probs.shape[1]
    found = []
    for row, said in zip(cast(votes), probs.astype(float), strict=True):
        total = model + sum(people[who] for who, _ in row)
        says = lambda what, c: right if what == c else (1 - right) / (classes - 1)  # noqa: E731
        found.append([(model * said[c] + sum(people[w] * says(k, c) for w, k in row)) / total for c in range(classes)])
    return np.array(found)


def crowdlab(votes, probs):
    """Labels, their quality, the quality of annotators, and the last weights."""
    first = posteriors(votes, *weigh(votes, majority(votes, probs), probs), probs)
    labels = first.argmax(axis=1)
    people, model, right = weigh(votes, labels, probs)
    table = posteriors(votes, people, model, right, probs)
    rows = cast(votes)
    each = sum(map(len, rows)) / sum(map(bool, rows))
    share = model / (model + each * sum(people) / len(people))
    annotators = []
    for who in range(votes.shape[1]):
        own = [(at, what) for at, row in enumerate(rows) for w, what in row if w == who]
        met = [what == labels[at] for at, what in own if len(rows[at]) > 1]
        own = sum(table[at, what] for at, what in own) / len(own)
        annotators.append(share * own + (1 - share) * sum(met) / len(met) if met else own)
    return labels, table[np.arange(len(table)), labels], annotators, people, model


def active(votes, probs):
    """ActiveLab from probabilities that are at the right temperature already."""
    _, quality, _, people, model = crowdlab(votes, probs)
    mean, classes = sum(people) / len(people), probs.shape[1]
    heard = [model + sum(people[who] for who, _ in row) for row in cast(votes)]
    return [(q * h + mean / classes) / (h + mean) for q, h in zip(quality, heard, strict=True)]
