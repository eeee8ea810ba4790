"""What is made for a provider is made once, whatever the provider is."""

from dataclasses import dataclass

from infraprism.providers import OncePerProvider


@dataclass
class Unhashable:
    """As Logfire's providers around the SDK's are; all alike."""

    name: str = "provider"


def test_it_is_made_once_for_each_provider_though_they_are_alike():
    made = []
    once = OncePerProvider(lambda provider: made.append(provider) or len(made))
    one, other = Unhashable(), Unhashable()
    assert not once
    assert [once.of(one), once.of(other), once.of(one), once.of(other)] == [1, 2, 1, 2]
    assert once
    assert [id(provider) for provider in made] == [id(one), id(other)]


def test_only_the_last_few_are_remembered():
    once = OncePerProvider(id)
    providers = [Unhashable() for _ in range(100)]
    assert [once.of(provider) for provider in providers] == [id(provider) for provider in providers]
    assert len(once._made) <= 4
