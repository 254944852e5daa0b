"""Which proxy: as the person's own variables say, and never round it."""

import base64

import pytest

from afterword.exporters.proxy import Proxy, ProxyError, proxy_for

P = {"HTTPS_PROXY": "http://proxy.example:3128"}


@pytest.mark.parametrize(
    ("host", "environment", "proxy"),
    [
        ("h.example", {}, None),
        ("h.example", P, "proxy.example"),
        ("h.example", {"https_proxy": "http://small:1", **P}, "small"),
        ("h.example", {"ALL_PROXY": "http://all:1"}, "all"),
        ("h.example", {"HTTP_PROXY": "http://plain:1"}, None),
        ("h.example", {"HTTPS_PROXY": "bare:3128"}, "bare"),
        ("h.example", P | {"NO_PROXY": "*"}, None),
        ("h.example", P | {"NO_PROXY": "other.example, h.example"}, None),
        ("h.example", P | {"no_proxy": ".example"}, None),
        ("h.example", P | {"NO_PROXY": "EXAMPLE"}, None),
        ("h.example", P | {"NO_PROXY": "h.example:443"}, None),
        ("h.example", P | {"NO_PROXY": "h.example:444"}, "proxy.example"),
        ("h.example", P | {"NO_PROXY": "ample,,"}, "proxy.example"),
        ("10.1.2.3", P | {"NO_PROXY": "10.0.0.0/8"}, None),
        ("11.1.2.3", P | {"NO_PROXY": "10.0.0.0/8"}, "proxy.example"),
        ("127.0.0.1", P, None),
        ("127.8.8.8", P, None),
        ("::1", P, None),
        ("localhost", P, None),
        ("localhost.example", P, "proxy.example"),
    ],
)
def test_which(host: str, environment: dict[str, str], proxy: str | None) -> None:
    found = proxy_for(host, 443, environment)
    assert (found and found.host) == proxy


def test_its_password_goes_to_it_alone_and_decoded() -> None:
    found = proxy_for("h.example", 443, {"HTTPS_PROXY": "http://u%40x:p%3A@proxy.example"})
    token = base64.b64encode(b"u@x:p:").decode()
    assert found == Proxy("proxy.example", 80, {"Proxy-Authorization": f"Basic {token}"})


@pytest.mark.parametrize(
    "url", ["socks5://p:1", "https://p:1", "http://", "http://[", "http://p:x"]
)
def test_one_that_cannot_be_used_is_not_gone_round(url: str) -> None:
    with pytest.raises(ProxyError):
        proxy_for("h.example", 443, {"HTTPS_PROXY": url})


def test_the_real_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert proxy_for("h.example", 443) == Proxy("proxy.example", 3128)
    monkeypatch.delenv("HTTPS_PROXY")
    assert proxy_for("h.example", 443) is None
