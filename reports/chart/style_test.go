package chart

// Style is that of every file, for tests of the files.
var Style = style
