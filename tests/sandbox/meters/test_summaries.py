from typing import Any

import pytest
from stripe import InvalidRequestError, ListObject, StripeClient
from stripe.billing import MeterEventSummary
from tests.sandbox.conftest import START
from tests.sandbox.meters.conftest import DAY, HOUR, Metering


def hourly(
    client: StripeClient, metering: Metering, meter: str, **more: Any
) -> ListObject[MeterEventSummary]:
    asked: Any = {
        "customer": metering.customer,
        "start_time": START - DAY,
        "end_time": START,
        "value_grouping_window": "hour",
    }
    return client.v1.billing.meters.event_summaries.list(meter, asked | more)


def test_a_row_for_each_hour_with_usage_the_newest_first(
    client: StripeClient, metering: Metering
) -> None:
    meter = metering.meter("messages")
    metering.send("messages", "1", START - 3 * HOUR)
    metering.send("messages", "2", START - 2 * HOUR - 1)
    metering.send("messages", "4", START - 1)
    metering.send("messages", "8", START)
    rows = hourly(client, metering, meter)
    assert [(row.start_time, row.end_time, row.aggregated_value) for row in rows.data] == [
        (START - HOUR, START, 4.0),
        (START - 3 * HOUR, START - 2 * HOUR, 3.0),
    ]
    assert rows.has_more is False
    assert rows.data[0].meter == meter


def test_days_are_those_of_utc(client: StripeClient, metering: Metering) -> None:
    meter = metering.meter("messages")
    metering.send("messages", "1", START - DAY)
    metering.send("messages", "2", START - 1)
    metering.send("messages", "4", START)
    rows = client.v1.billing.meters.event_summaries.list(
        meter,
        {
            "customer": metering.customer,
            "start_time": START - DAY,
            "end_time": START + DAY,
            "value_grouping_window": "day",
        },
    )
    assert [row.aggregated_value for row in rows.data] == [4.0, 3.0]


def test_ten_rows_on_a_page_and_a_cursor(client: StripeClient, metering: Metering) -> None:
    meter = metering.meter("messages")
    for hour in range(1, 24):
        metering.send("messages", str(hour), START - hour * HOUR)
    page = hourly(client, metering, meter)
    assert [row.aggregated_value for row in page.data] == [float(n) for n in range(1, 11)]
    assert page.has_more is True
    following = hourly(client, metering, meter, starting_after=page.data[-1].id, limit=100)
    assert [row.aggregated_value for row in following.data] == [float(n) for n in range(11, 24)]
    assert following.has_more is False
    back = hourly(client, metering, meter, ending_before=following.data[0].id, limit=3)
    assert [row.aggregated_value for row in back.data] == [8.0, 9.0, 10.0]
    assert len(list(page.auto_paging_iter())) == 23


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"start_time": START - DAY + 1}, "start_time"),
        ({"end_time": START + 1800}, "end_time"),
        ({"value_grouping_window": "day", "start_time": START - HOUR}, "start_time"),
        ({"end_time": START - DAY}, "end_time"),
        ({"customer": "cus_0"}, "customer"),
        ({"limit": 101}, "limit"),
        ({"starting_after": "mtrusg_0"}, "starting_after"),
        ({"value_grouping_window": "week"}, "value_grouping_window"),
    ],
)
def test_a_wrong_question_is_refused(
    client: StripeClient, metering: Metering, params: dict[str, Any], param: str | None
) -> None:
    meter = metering.meter("messages")
    with pytest.raises(InvalidRequestError) as refused:
        hourly(client, metering, meter, **params)
    assert (refused.value.http_status, refused.value.param) == (400, param)


def test_whole_minutes_are_enough_without_grouping(
    client: StripeClient, metering: Metering
) -> None:
    meter = metering.meter("messages")
    metering.send("messages", "3", START + 60)
    assert metering.used(meter, START + 60, START + 120) == 3.0
    with pytest.raises(InvalidRequestError):
        metering.used(meter, START + 61, START + 120)
