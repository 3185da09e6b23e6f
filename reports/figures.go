package reports

const (
	readSide    queueSide = iota // what user space read from the queue
	writtenSide                  // what it wrote to the queue, and the kernel received
)
