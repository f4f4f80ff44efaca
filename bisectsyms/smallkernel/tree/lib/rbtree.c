/* An ordered tree, without the colours. */
#include <linux/kernel.h>

struct node {
	struct node *left, *right;
	u32 key;
};

struct node *tree_root;

struct node *tree_find(u32 key)
{
	struct node *node = tree_root;

	while (node && node->key != key)
		node = key < node->key ? node->left : node->right;
	return node;
}

void tree_insert(struct node *new)
{
	struct node **link = &tree_root;

	while (*link)
		link = new->key < (*link)->key ? &(*link)->left : &(*link)->right;
	new->left = new->right = NULL;
	*link = new;
}
