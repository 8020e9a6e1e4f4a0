"""The sandbox's arithmetic: what a quantity costs, what a part of a period costs, when it ends.

Owns: rounding, currencies, prices to amounts, proration, periods, the split of a discount.

Does not own: objects. It takes numbers and the hashes of a price, and gives numbers.

Laws: amounts are whole minor units, rates are Decimal; each line is rounded once, half away from
zero; the parts of a discount sum to the discount.
"""
