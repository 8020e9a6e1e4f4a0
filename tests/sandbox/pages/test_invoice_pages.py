"""The page of an invoice, its PDF and a receipt, by plain requests."""

import re
import zlib
from typing import Any

import pytest
from stripe import StripeClient
from tests.sandbox.checkout.shop import Shop
from tests.sandbox.checkout.test_completion import complete
from tests.sandbox.pages.visitor import follow, visit

from tallygate_sandbox.pages.pdf import latin, width, wrapped
from tallygate_sandbox.testing import RunningSandbox


def an_invoice(client: StripeClient, lines: int = 1, description: str = "Work") -> Any:
    """An open invoice of $10 a line, to be sent."""
    customer = client.v1.customers.create({"email": "ada@example.com", "name": "Ada (Ltd)"}).id
    draft = client.v1.invoices.create(
        {"customer": customer, "collection_method": "send_invoice", "days_until_due": 14}
    )
    for number in range(lines):
        client.v1.invoice_items.create(
            {
                "customer": customer,
                "invoice": str(draft.id),
                "amount": 1000,
                "currency": "usd",
                "description": f"{description} {number + 1}",
            }
        )
    return client.v1.invoices.finalize_invoice(str(draft.id))


def text_of(pdf: bytes) -> list[str]:
    """The texts that a PDF shows, page by page, in the order in which they are written."""
    pages = []
    for stream in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL):
        content = zlib.decompress(stream) if stream.startswith(b"\x78") else stream
        shown = re.findall(rb"\[\((.*?)(?<!\\)\)\] TJ", content)
        pages.append("\n".join(re.sub(rb"\\(.)", rb"\1", one).decode("cp1252") for one in shown))
    return pages


def test_an_open_invoice_is_paid_on_its_page(client: StripeClient) -> None:
    invoice = an_invoice(client)
    url = str(invoice.hosted_invoice_url)
    page = visit(url)
    for said in (f"Invoice {invoice.number}", "$10.00", "due 15 Jan 2026", "Work 1", "Ada (Ltd)"):
        assert said in page.text
    refused = visit(url, {"card": "4000 0000 0000 9995"})
    assert (refused.status, "insufficient funds" in refused.text) == (402, True)
    assert visit(url, {}).status == 400
    paid = follow(url, visit(url, {"card": "4242 4242 4242 4242"}))
    assert "paid on 1 Jan 2026" in paid.text
    assert "Pay $" not in paid.text
    assert client.v1.invoices.retrieve(invoice.id).status == "paid"
    assert visit(url, {"card": "4242 4242 4242 4242"}).status == 400


def test_three_d_secure_leads_back_to_the_invoice(client: StripeClient) -> None:
    invoice = an_invoice(client)
    url = str(invoice.hosted_invoice_url)
    waits = visit(url, {"card": "4000 0025 0000 3155"})
    assert waits.leads.startswith("/_pages/3ds/pi_")
    address = url.partition("/i/")[0] + waits.leads
    assert visit(address, {"outcome": "fail"}).leads == "/i/" + url.partition("/i/")[2]
    assert client.v1.invoices.retrieve(invoice.id).status == "open"
    visit(url, {"card": "4000 0025 0000 3155"})
    assert visit(address, {"outcome": "complete"}).status == 303
    assert client.v1.invoices.retrieve(invoice.id).status == "paid"


def test_a_paid_subscription_invoice_shows_tiers_and_totals(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "once", "name": "Launch"})
    session = shop.open(discounts=[{"coupon": coupon.id}])
    done = complete(sandbox, session.id, email="ada@example.com")
    invoice = client.v1.invoices.retrieve(done["invoice"])
    page = visit(str(invoice.hosted_invoice_url))
    for said in ("Pro plan", "1 Jan 2026 – 1 Feb 2026", "Subtotal $25.00", "Total $22.50"):
        assert said in page.text
    assert "Discount (Launch) -$2.50" in page.text
    assert "Amount due $0.00" in page.text


def test_the_pdf_says_the_same(client: StripeClient) -> None:
    invoice = an_invoice(client, description="Röntgen (film) \\ über 5 €")
    answer = visit(str(invoice.invoice_pdf))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body.startswith(b"%PDF-")
    assert answer.body.rstrip().endswith(b"%%EOF")
    (text,) = text_of(answer.body)
    for said in (
        str(invoice.number),
        "Ada (Ltd)",
        "Röntgen (film) \\ über 5 € 1",
        "$10.00 due",
        "Amount due",
        "Sandbox: no money moves",
    ):
        assert said in text


def test_a_long_invoice_has_several_pages(client: StripeClient) -> None:
    invoice = an_invoice(client, lines=60)
    pages = text_of(visit(str(invoice.invoice_pdf)).body)
    assert len(pages) > 2
    assert all("Description" in page for page in pages[:-1])
    assert f"page {len(pages)} of {len(pages)}" in pages[-1]
    lines = [line for page in pages for line in page.splitlines() if line.startswith("Work ")]
    assert sorted(lines) == sorted(f"Work {n}" for n in range(1, 61))
    assert "$600.00" in pages[-1]


def test_a_credit_note_has_a_pdf_at_the_address_it_names(client: StripeClient) -> None:
    invoice, other = an_invoice(client), an_invoice(client)
    note = client.v1.credit_notes.create(
        {"invoice": invoice.id, "amount": 400, "memo": "Half of it was late"}
    )
    answer = visit(note.pdf)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    (text,) = text_of(answer.body)
    said = ("Credit note", note.number, "$4.00 credited", f"For invoice {invoice.number}.")
    for part in (*said, "Half of it was late", "Ada (Ltd)"):
        assert part in text
    assert "Amount due" not in text
    elsewhere = note.pdf.replace(str(invoice.hosted_invoice_url), str(other.hosted_invoice_url))
    assert visit(elsewhere).status == 404


def test_a_receipt_names_the_card(
    sandbox: RunningSandbox, client: StripeClient, shop: Shop
) -> None:
    complete(sandbox, shop.open().id, email="ada@example.com")
    charge = client.v1.charges.list().data[0]
    address = str(charge.receipt_url)
    page = visit(address if address.startswith("http") else sandbox.url + address)
    assert "$25.00" in page.text
    assert "Visa ending in 4242" in page.text


def test_there_is_no_invoice_for_a_guessed_address(sandbox: RunningSandbox) -> None:
    assert visit(f"{sandbox.url}/i/guessed").status == 404
    assert visit(f"{sandbox.url}/i/guessed/pdf").status == 404


@pytest.mark.parametrize(
    ("text", "written"),
    [("Zürich", b"Z\xfcrich"), ("Łódź", b"?\xf3dz"), ("日本", b"??"), ("5 €", b"5 \x80")],
)
def test_the_fonts_letters_are_used_and_others_replaced(text: str, written: bytes) -> None:
    assert latin(text) == written


def test_a_text_is_wrapped_within_its_width() -> None:
    text = "one two three " * 9 + "x" * 200
    lines = wrapped(text, 10, 100)
    assert all(width(line, 10) <= 100 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
