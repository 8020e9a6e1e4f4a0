"""The verbs: what an operator, a platform or the passing of time asks for.

Owns: the order of things. A workflow is one function that reads like the sentence that asks for
it: it takes the Installation, opens one transaction, calls the pure rooms and the store, and
commits at its end.

Does not own: any rule (the pure rooms do), any SQL (the store does), any choice of adapter.

Laws: one workflow, one transaction. Every tenant's rows are asked for with the tenant; what is
not the caller's is not found. Nothing here reads the clock or makes an id: the Installation does.
"""
