"""A local Stripe: stateful, with meters, invoices, hosted pages, webhooks and a movable clock.

Owns: Stripe's HTTP protocol, its objects and their lives, its arithmetic, its events and their
delivery, test clocks and one clock for the whole sandbox, faults on request, and pages for people.

Does not own: anything of Tallygate. It imports nothing of it and computes everything anew: it is
the second opinion on Tallygate's amounts.

Laws: what Stripe refuses is refused with the same type, code and param; what the sandbox does not
have answers 501 and names it, never a made-up success; a request happens whole or not at all; time
is the clock's and every due step is played in order.

The rooms, each importing only those below it:

    server, testing      a process or a thread that listens
    app                  bytes -> endpoint -> bytes
    control, pages       moving time, faults; what people see
    checkout             sessions, payment links, the portal
    subscriptions        their life, items, schedules
    invoices             drafts, lines, finalization, payment, credit notes
    credits, payments    what pays; meters: what was used
    products, customers  the nouns
    webhooks             endpoints, signatures, deliveries
    api                  a call and its endpoint: pages, expansion, idempotency
    world                objects, timers, clocks, events, the file
    money, wire          pure: arithmetic; forms, shapes and refusals
"""
