// SPDX-License-Identifier: MIT
//
// The kernels of bench-cl. Plain OpenCL C 1.2 as one writes it for any GPU.

kernel void copy(global float *to, global const float *from)
{
	size_t i = get_global_id(0);

	to[i] = from[i];
}

kernel void saxpy(global float *y, global const float *x, float a)
{
	size_t i = get_global_id(0);

	y[i] = a * x[i] + y[i];
}

kernel void triad(global float *a, global const float *b, global const float *c, float scale)
{
	size_t i = get_global_id(0);

	a[i] = b[i] + scale * c[i];
}

// One sum per work-group.
kernel void reduction(global float *sums, global const float *in, local float *part, uint count)
{
	uint lane = get_local_id(0);
	float sum = 0;

	for (uint i = get_global_id(0); i < count; i += get_global_size(0))
		sum += in[i];
	part[lane] = sum;
	for (uint half_size = get_local_size(0) / 2; half_size; half_size /= 2) {
		barrier(CLK_LOCAL_MEM_FENCE);
		if (lane < half_size)
			part[lane] += part[lane + half_size];
	}
	if (lane == 0)
		sums[get_group_id(0)] = part[0];
}

kernel void sgemm_naive(global float *c, global const float *a, global const float *b, uint n)
{
	uint column = get_global_id(0), row = get_global_id(1);
	float sum = 0;

	for (uint k = 0; k < n; k++)
		sum += a[row * n + k] * b[k * n + column];
	c[row * n + column] = sum;
}

#define TILE 16

kernel void sgemm_tiled(global float *c, global const float *a, global const float *b, uint n)
{
	local float tile_a[TILE][TILE], tile_b[TILE][TILE];
	uint x = get_local_id(0), y = get_local_id(1);
	uint column = get_global_id(0), row = get_global_id(1);
	float sum = 0;

	for (uint k = 0; k < n; k += TILE) {
		tile_a[y][x] = a[row * n + k + x];
		tile_b[y][x] = b[(k + y) * n + column];
		barrier(CLK_LOCAL_MEM_FENCE);
		for (uint i = 0; i < TILE; i++)
			sum += tile_a[y][i] * tile_b[i][x];
		barrier(CLK_LOCAL_MEM_FENCE);
	}
	c[row * n + column] = sum;
}

// Accelerations; the fourth number of a body is its mass.
kernel void nbody(global float4 *force, global const float4 *body, uint count)
{
	uint i = get_global_id(0);
	float4 self = body[i], sum = 0;

	for (uint j = 0; j < count; j++) {
		float4 away = body[j] - self;
		float square = away.x * away.x + away.y * away.y + away.z * away.z + 0.01f;
		float inverse = rsqrt(square);
		sum += away * (body[j].w * inverse * inverse * inverse);
	}
	force[i] = sum;
}

kernel void stencil7(global float *out, global const float *in, uint n)
{
	uint x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);
	uint i = (z * n + y) * n + x;

	if (x == 0 || y == 0 || z == 0 || x == n - 1 || y == n - 1 || z == n - 1) {
		out[i] = in[i];
		return;
	}
	out[i] = 0.4f * in[i] + 0.1f * (in[i - 1] + in[i + 1] + in[i - n] + in[i + n] +
					in[i - n * n] + in[i + n * n]);
}

kernel void histogram(global uint *bins, global const uchar *in, uint count)
{
	local uint part[256];
	uint lane = get_local_id(0);

	for (uint bin = lane; bin < 256; bin += get_local_size(0))
		part[bin] = 0;
	barrier(CLK_LOCAL_MEM_FENCE);
	for (uint i = get_global_id(0); i < count; i += get_global_size(0))
		atomic_inc(&part[in[i]]);
	barrier(CLK_LOCAL_MEM_FENCE);
	for (uint bin = lane; bin < 256; bin += get_local_size(0))
		atomic_add(&bins[bin], part[bin]);
}

// One pass of a bitonic sort: an item has one pair.
kernel void bitonic(global uint *keys, uint block, uint distance)
{
	uint i = get_global_id(0);
	uint low = 2 * distance * (i / distance) + i % distance, high = low + distance;
	uint a = keys[low], b = keys[high];
	bool up = (low & block) == 0;

	keys[low] = up ? min(a, b) : max(a, b);
	keys[high] = up ? max(a, b) : min(a, b);
}

// Compressed rows, an item has a row.
kernel void spmv(global float *y, global const float *x, global const float *value,
		 global const uint *column, global const uint *row_start)
{
	uint row = get_global_id(0);
	float sum = 0;

	for (uint i = row_start[row]; i < row_start[row + 1]; i++)
		sum += value[i] * x[column[i]];
	y[row] = sum;
}

kernel void mandelbrot(global uint *out, uint width, uint height, uint limit)
{
#pragma OPENCL FP_CONTRACT OFF
	uint px = get_global_id(0), py = get_global_id(1), count = 0;
	float re = -2.0f + 2.5f * px / width, im = -1.25f + 2.5f * py / height;
	float x = 0, y = 0;

	while (count < limit && x * x + y * y < 4.0f) {
		float next = x * x - y * y + re;
		y = 2 * x * y + im;
		x = next;
		count++;
	}
	out[py * width + px] = count;
}

constant uint sha_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
constant uint sha_start[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

#define ROTR(x, n) rotate((uint)(x), (uint)(32 - (n)))

// SHA-256 of the eight bytes of two numbers: the item's, big-endian, and 0.
kernel void sha256(global uint *digest)
{
	uint id = get_global_id(0), s[8], w[16];

	for (uint i = 0; i < 16; i++)
		w[i] = 0;
	w[0] = id;
	w[2] = 0x80000000;
	w[15] = 64;
	for (uint i = 0; i < 8; i++)
		s[i] = sha_start[i];
	for (uint i = 0; i < 64; i++) {
		uint add, t1, t2;

		if (i >= 16) {
			uint w1 = w[(i + 1) & 15], w14 = w[(i + 14) & 15];
			w[i & 15] += w[(i + 9) & 15] +
				     (ROTR(w1, 7) ^ ROTR(w1, 18) ^ (w1 >> 3)) +
				     (ROTR(w14, 17) ^ ROTR(w14, 19) ^ (w14 >> 10));
		}
		add = (s[4] & s[5]) ^ (~s[4] & s[6]);
		t1 = s[7] + (ROTR(s[4], 6) ^ ROTR(s[4], 11) ^ ROTR(s[4], 25)) + add + sha_k[i] +
		     w[i & 15];
		t2 = (ROTR(s[0], 2) ^ ROTR(s[0], 13) ^ ROTR(s[0], 22)) +
		     ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		s[7] = s[6];
		s[6] = s[5];
		s[5] = s[4];
		s[4] = s[3] + t1;
		s[3] = s[2];
		s[2] = s[1];
		s[1] = s[0];
		s[0] = t1 + t2;
	}
	for (uint i = 0; i < 8; i++)
		digest[id * 8 + i] = s[i] + sha_start[i];
}

kernel void empty(void)
{
}
