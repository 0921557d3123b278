extends RefCounted
## A mesh with all fifteen blend shapes.

const Mouth := preload("res://addons/npc_voice/mouth.gd")


static func make() -> MeshInstance3D:
	var corners := PackedVector3Array([Vector3.ZERO, Vector3.UP, Vector3.RIGHT])
	var arrays := _arrays(corners)
	var mesh := ArrayMesh.new()
	var moved := []
	for shape: String in Mouth.SHAPES:
		mesh.add_blend_shape("viseme_" + shape)
		moved.append(_arrays(PackedVector3Array([Vector3.ZERO, Vector3.UP * 2.0, Vector3.RIGHT])))
	mesh.add_surface_from_arrays(Mesh.PRIMITIVE_TRIANGLES, arrays, moved)
	var face := MeshInstance3D.new()
	face.name = "Face"
	face.mesh = mesh
	return face


static func _arrays(corners: PackedVector3Array) -> Array:
	var arrays := []
	arrays.resize(Mesh.ARRAY_MAX)
	arrays[Mesh.ARRAY_VERTEX] = corners
	return arrays
