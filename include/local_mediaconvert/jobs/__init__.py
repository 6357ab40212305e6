"""Jobs and what they need: the store, the queues' scheduler, worker processes, events and planned faults."""
