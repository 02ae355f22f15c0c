"""Tell a tracking system how runs went. It is a view of the ledger: told, never asked, and it can be sent again."""
