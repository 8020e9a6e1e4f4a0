"""What is sold in the tests that trade at a local Stripe."""

SHOP = """\
name: shop
currency: usd
meters:
  calls: {event: api.call, aggregation: count}
  gb: {event: gb.report, value: gb, aggregation: max}
plans:
  free: {name: Free}
  basic:
    name: Basic
    product: prod_basic
    prices:
      - {key: basic_m, flat: "10.00", every: month}
      - {key: basic_y, flat: "100.00", every: year}
      - {key: calls, meter: calls, included: 10, per_unit: "0.05"}
  pro:
    name: Pro
    product: prod_pro
    prices:
      - {key: pro_m, flat: "29.00", every: month}
      - {key: pro_y, flat: "290.00", every: year}
      - {key: calls, meter: calls, included: 100, per_unit: "0.05"}
      - key: gb
        meter: gb
        graduated: [{up_to: 5, unit: "0.123"}, {unit: "0.1115"}]
        minimum: "1.00"
  tried:
    name: Tried
    product: prod_tried
    trial_days: 14
    prices:
      - {key: tried_m, flat: "20.00", every: month}
      - {key: calls, meter: calls, included: 10, per_unit: "0.05"}
  machines:
    name: Machines
    product: prod_machines
    prices:
      - {key: machines_base, flat: "5.00", every: month}
prices:
  - {key: small, per_unit: "7.00", every: month}
resources:
  vm.small: {price: small, spec: {vcpu: 1}}
coupons:
  EARLY: {percent_off: "12.5", duration: {months: 3}}
  HALF: {percent_off: "50", duration: once}
"""
