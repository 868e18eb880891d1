/* Includes and declarations only: there is no C code in this project. */
#include <errno.h>
#include <stdlib.h>
