package guest

// Marker begins each line that Init prints on the console.
const Marker = "tunbench-init: "

// What Init says after the Marker.
const (
	SayReady   = "ready"
	SayDone    = "done"
	SayError   = "error: "
	SayWarning = "warning: "
	SayResults = "results" // they are about to be handed out
)
