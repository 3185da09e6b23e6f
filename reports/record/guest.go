package record

// Guest is the virtual machine of path=guest.
type Guest struct {
	Kernel string `json:"kernel"` // its release
	Accel  string `json:"accel"`  // "kvm" or "tcg"
	CPUs   int    `json:"cpus"`
	BootNs int64  `json:"boot_ns"`
	// Bridge says that its device is a port of a bridge.
	Bridge bool `json:"bridge,omitempty"`
	// Queues are those of its network device, as its driver counted them. A queue has the
	// number of the device's queue on the host.
	Queues []GuestQueue `json:"queues,omitempty"`
}

// GuestQueue is a pair of queues of a guest's network device, in packets.
type GuestQueue struct {
	Queue   int    `json:"queue"`
	RxPkts  uint64 `json:"rx_pkts"`
	RxDrops uint64 `json:"rx_drops,omitempty"`
	TxPkts  uint64 `json:"tx_pkts"`
	TxDrops uint64 `json:"tx_drops,omitempty"`
}
