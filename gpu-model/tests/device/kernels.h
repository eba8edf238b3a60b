/* SPDX-License-Identifier: MIT */
/* Numbers of the GPU programs in kernels.S. */
#ifndef KERNELS_H
#define KERNELS_H

#define K_END 0
#define K_STORE 1
#define K_IDS 2
#define K_FOREVER 3
#define K_UNTIL 4
#define K_SCATTER 5
#define K_COUNT 6
#define K_BARRIER 7
#define K_ILLEGAL 8
#define K_LOAD 9
#define K_WALK 10
#define K_ATOMIC 11
#define K_LOCAL 12
#define K_ADD1 13
#define K_GROUP 14
#define K_STATE 15
#define K_CHAIN 16
#define K_LOCAL_ATOMIC 17
#define NUM_KERNELS 18

#endif /* KERNELS_H */
