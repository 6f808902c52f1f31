"""What a server says of itself."""

from pipeline.engines.metrics_page import ServerFigures

PAGE = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 2.0
# TYPE vllm:prefix_cache_queries counter
vllm:prefix_cache_queries_total{engine="0",model_name="m"} 100.0
# TYPE vllm:prefix_cache_hits counter
vllm:prefix_cache_hits_total{engine="0",model_name="m"} 60.0
"""


def test_figures_of_all_engines_behind_a_server_are_added_up() -> None:
    assert ServerFigures.read(PAGE) == ServerFigures(100.0, 60.0, 7.0, 2.0)


def test_a_page_of_something_else_says_nothing() -> None:
    assert ServerFigures.read("<html>\n") == ServerFigures()
    assert ServerFigures.read("other_total 3\n") == ServerFigures()


def test_counters_are_counted_from_the_first_look_and_gauges_are_not() -> None:
    now = ServerFigures(150.0, 80.0, 1.0, 0.0).since(ServerFigures(100.0, 60.0, 7.0, 2.0))
    assert now == ServerFigures(50.0, 20.0, 1.0, 0.0)


def test_a_counter_that_fell_counts_from_zero() -> None:
    assert ServerFigures(30.0, 10.0).since(ServerFigures(100.0, 60.0)) == ServerFigures(30.0, 10.0)


def test_servers_are_added_and_one_that_says_nothing_is_none() -> None:
    one = ServerFigures(1.0, None, 2.0, None)
    assert ServerFigures().plus(one) == one
    assert one.plus(one) == ServerFigures(2.0, None, 4.0, None)
