public enum KernelPlaceholder {}
