"""What is asked and changes nothing: what is used, what it costs, what it would cost.

Owns: the preview of the next invoice, usage and its cost so far and foreseen, the price of what
may be bought (`quote` of a price list alone; `quote_resource` and `quote_plan` of what is there,
on `estimate`), and who bears how much of an invoice (`breakdown`, on `weights`).

Does not own: any amount. The functions that close a period give the numbers; what is supposed, a
resource that is not there yet or another plan, is put in the place of what is stored, and the same
functions are asked again.

Laws: nothing here writes. A preview is the close without the save; what is quoted is what is
invoiced if nothing else happens; the parts of an invoice sum to it, to the cent.
"""
