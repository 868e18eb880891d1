/// How often this process has asked for memory since it started.
unsigned long allocation_count(void);
/// The octets that are allocated now.
unsigned long heap_in_use(void);
