"""modAL 0.4.2 beside scikit-learn 1.8 and later."""

from __future__ import annotations

import inspect
import warnings
from typing import Any


def repair_modal() -> bool:
    """Let modAL's learners take labels again: `teach`, `fit`, `rebag` of all of them.

    They call scikit-learn's `check_X_y` with `force_all_finite`, which was renamed to `ensure_all_finite` in 1.6 and
    removed in 1.8. This replaces the one name `check_X_y` inside the module `modAL.models.learners` by a function that
    passes the argument on under its new name. scikit-learn itself is left as it is, and so is modAL where its call
    still works. Call it once, before `teach`; again does no harm.

    Returns:
        Whether something was replaced.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # modAL and what it imports warn of their own old ways
        from modAL.models import learners
    theirs = learners.check_X_y
    if "force_all_finite" in inspect.signature(theirs).parameters:
        return False

    def checked(*args: Any, force_all_finite: bool = True, **options: Any) -> Any:
        return theirs(*args, ensure_all_finite=force_all_finite, **options)

    learners.check_X_y = checked
    return True
