"""What is sold, and for how much less.

Owns: products and their features, prices, tax rates, coupons, promotion codes, and discounts: a
coupon redeemed by somebody.

Does not own: what a quantity costs (money) and which lines a discount reaches (invoices).
"""

from tallygate_sandbox.products import (
    coupons,
    discounts,
    features,
    prices,
    products,
    promotion_codes,
    tax_rates,
)

__all__ = [
    "coupons",
    "discounts",
    "features",
    "prices",
    "products",
    "promotion_codes",
    "tax_rates",
]
