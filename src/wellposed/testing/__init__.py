"""What a technique of one's own should pass: ``class TestMine(TechniqueSuite): technique = Mine`` (needs pytest)."""

from wellposed.testing.techniques import TechniqueSuite

__all__ = ["TechniqueSuite"]
