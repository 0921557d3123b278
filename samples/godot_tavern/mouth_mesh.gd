extends MeshInstance3D
## A mouth, made here so that the sample needs no model: a flat ring of lips around a dark opening, with the
## blend shapes that a talking head has.

const CORNERS := 24
const LIP := 0.035
const DEPTH := 0.01
const REST := Vector2(0.13, 0.012)  ## Half the width and height of the opening.
## Shape -> the same while it is whole.
const OPENINGS := {
	"sil": Vector2(0.13, 0.006), "PP": Vector2(0.1, 0.0), "FF": Vector2(0.12, 0.01), "TH": Vector2(0.12, 0.03),
	"DD": Vector2(0.12, 0.03), "kk": Vector2(0.12, 0.035), "CH": Vector2(0.07, 0.045), "SS": Vector2(0.13, 0.02),
	"nn": Vector2(0.12, 0.02), "RR": Vector2(0.08, 0.04), "aa": Vector2(0.13, 0.11), "E": Vector2(0.15, 0.06),
	"ih": Vector2(0.15, 0.04), "oh": Vector2(0.08, 0.09), "ou": Vector2(0.05, 0.06),
}


func _ready() -> void:
	var shaped := ArrayMesh.new()
	for shape: String in OPENINGS:
		shaped.add_blend_shape("viseme_" + shape)
	shaped.blend_shape_mode = Mesh.BLEND_SHAPE_MODE_NORMALIZED
	_add_part(shaped, Color(0.1, 0.02, 0.03), 0.0)
	_add_part(shaped, Color(0.7, 0.25, 0.25), LIP)
	mesh = shaped


## A disc as large as the opening, or the ring of `lip` around it.
func _add_part(shaped: ArrayMesh, color: Color, lip: float) -> void:
	var moved: Array[Array] = []
	for opening: Vector2 in OPENINGS.values():
		moved.append(_arrays(opening, lip).slice(0, 3) + _rest_of_arrays())
	shaped.add_surface_from_arrays(Mesh.PRIMITIVE_TRIANGLES, _arrays(REST, lip), moved)
	var material := StandardMaterial3D.new()
	material.albedo_color = color
	material.shading_mode = BaseMaterial3D.SHADING_MODE_UNSHADED
	material.cull_mode = BaseMaterial3D.CULL_DISABLED
	shaped.surface_set_material(shaped.get_surface_count() - 1, material)


func _rest_of_arrays() -> Array:
	var rest := []
	rest.resize(Mesh.ARRAY_MAX - 3)
	return rest


func _arrays(opening: Vector2, lip: float) -> Array:
	var points := PackedVector3Array()
	var normals := PackedVector3Array()
	for corner in CORNERS:
		for pair in 2:
			var from := Vector2.RIGHT.rotated(TAU * (corner + pair) / CORNERS)
			points.append(_point(from * opening, DEPTH if lip else 0.0))
			points.append(_point(from * (opening + Vector2(lip, lip)), DEPTH) if lip else Vector3.ZERO)
	var ordered := PackedVector3Array()
	for corner in CORNERS:
		for place: int in [0, 1, 2, 2, 1, 3]:
			ordered.append(points[4 * corner + place])
			normals.append(Vector3.BACK)
	var arrays := []
	arrays.resize(Mesh.ARRAY_MAX)
	arrays[Mesh.ARRAY_VERTEX] = ordered
	arrays[Mesh.ARRAY_NORMAL] = normals
	return arrays


func _point(flat: Vector2, depth: float) -> Vector3:
	return Vector3(flat.x, flat.y, depth)
