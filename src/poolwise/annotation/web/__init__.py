"""The annotation and review page: a server on this machine, and the annotator that reads what it recorded.

How several writers agree. A vote is a row of the ledger's table of votes, written in one transaction with the claims it
changes, before the page moves on; the browser makes its key, and the same key twice is one row. One server serves a run at
a time (a lock); its threads share one `Queue`, rebuilt from votes and claims at its start, so that a killed server loses
nothing, claims included. Nobody is thanked for a vote before the ledger that has it is found at its path again: a run's
folder may be removed or begun anew under an open page. The loop reads votes through the `Page` annotator, like any other
answers, each with its time: one that comes after its batch was closed is a correction, taken with the next batch. This
room does not know the ledger: `app/annotate.py` hands it what reads and writes (`batch_session.VoteStore`, `site.Run`).

    page              the annotator: emit names the command that opens the page, collect turns votes into answers
    vote_aggregation  votes to answers: the latest vote of each person, the consensus of several
    queue             who gets which sample next: claims, skips, progress
    batch_session     one batch: votes and claims, written together
    site              the run behind the page: the open batch, earlier ones, what the loop does meanwhile
    pictures          a sample as a small, freshly encoded picture
    people            names, tokens, sessions
    auth              who may: login, logout, the person behind a request
    middleware        around every request: hosts, origins, headers, logins a minute
    routes            the handlers under /api, and the pictures
    pages             the pages themselves
    forms             the JSON that browsers send and get
    serializers       samples and progress as that JSON
    app               all of it put together
"""
