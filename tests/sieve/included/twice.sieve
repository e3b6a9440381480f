require "include";
include :once "count";
include :once "count";
