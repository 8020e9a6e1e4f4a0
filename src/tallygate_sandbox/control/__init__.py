"""Moving time, faults on request, and what a test wants to look at: all below `/_sandbox`.

Owns: the pulse (due timers, advancing test clocks and webhook deliveries go on by themselves), the
clock that everyone can read and move, faults, ready objects, the ring of the last requests.

Does not own: what a due step does, nor how a delivery is made.

Laws: due steps are played in order, and a request sees the world after all that were due before
it; moving time never blocks the other requests.
"""
