require "fileinto"; fileinto "Included";
