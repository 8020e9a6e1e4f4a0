"""The vocabulary that every room shares.

Owns: money and its minor units, quantities and their grammar, periods and month arithmetic,
identifiers, the clock's shape, failpoints, and the tree of errors.

Does not own: any rule of billing. Nothing here knows a meter, a price or a customer.

Laws: amounts are integers in minor units; quantities and rates are exact decimals; instants are
aware and in UTC; periods are half-open. Nothing here reads the clock or makes a random number.
"""
