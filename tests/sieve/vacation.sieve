require "vacation"; vacation "Away.";
